"""Where a secret may stand in an object, and whether redaction takes it out there."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field

from remediation.redact import redact_manifest, redact_text
from tests.attack.secrets.corpus import HARMLESS, LEAKS, VALUE

PLACES = {
    "a variable's value": lambda text: {"env": [{"name": "NOTE", "value": text}]},
    "an argument": lambda text: {"args": ["--note", text]},
    "a shell's command": lambda text: {"command": ["sh", "-c", f"run; {text}"]},
    "an annotation": lambda text: {"metadata": {"annotations": {"note": text}}},
    "a file of a ConfigMap": lambda text: {
        "kind": "ConfigMap",
        "data": {"app.conf": f"a = b\n{text}\nc = d\n"},
    },
    "the annotation of kubectl apply": lambda text: {
        "metadata": {
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"a": text})}
        }
    },
    "a probe's header": lambda text: {"httpGet": {"httpHeaders": [{"name": "X-Note", "value": text}]}},
    "a container's message": lambda text: {"lastState": {"terminated": {"message": f"exit\n{text}"}}},
}

SPLIT = {
    "a flag and its value": {"args": ["--db-password", VALUE]},
    "a short flag and its value": {"args": ["curl", "-u", f"app:{VALUE}"]},
    "a flag with dots": {"args": ["--spring.datasource.password", VALUE]},
    "a variable that is named so": {"env": [{"name": "DB_PASSWORD", "value": VALUE}]},
    "a key of a ConfigMap": {"kind": "ConfigMap", "data": {"password": VALUE}},
    "a header that is named so": {"httpHeaders": [{"name": "Authorization", "value": VALUE}]},
    "an annotation that is named so": {"metadata": {"annotations": {"example.com/api-token": VALUE}}},
    "a Secret": {"kind": "Secret", "data": {"a": VALUE}, "stringData": {"b": VALUE}},
}


@dataclass
class Tried:
    """What became of the corpus."""

    of: int
    tries: int = 0
    leaked: list[str] = field(default_factory=list)

    def count(self, name: str, secret: str, clean: str) -> None:
        """One try: whether the secret is still in what redaction left."""
        self.tries += 1
        if secret in clean:
            self.leaked.append(name)


def leaking(in_each_place, seed, told) -> Tried:
    """Every leak in text, so many of them (None: all) in each place of an object, and every split one."""
    chosen = LEAKS if in_each_place is None else random.Random(seed).sample(LEAKS, in_each_place)
    tried = Tried(len(LEAKS) + len(PLACES) * len(chosen) + len(SPLIT))
    for leak in LEAKS:
        tried.count(leak.name, leak.secret, redact_text(leak.text)[0])
    for place, put in PLACES.items():
        for leak in chosen:
            clean = json.dumps(redact_manifest(put(leak.text))[0], ensure_ascii=False)
            tried.count(f"{leak.name} in {place}", leak.secret, clean)
        told(tried.tries, tried.of, place)
    for name, item in SPLIT.items():
        tried.count(name, VALUE, json.dumps(redact_manifest(item)[0]))
    return tried


def taken_from_the_harmless() -> list[str]:
    """Texts without a secret in which redaction found one."""
    return [text for text in HARMLESS if redact_text(text)[1]]
