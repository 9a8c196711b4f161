"""The kubelet cannot get a container's image. Not where the image is there, but for another machine."""

from __future__ import annotations

import re
from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.model import FaultClass
from detectors.pods import IMAGE_REASONS, containers, wrong_architecture
from intents.model import WorkloadHealthy

NAME = "imagePull"

_SAID = (
    ("InvalidName", re.compile(r"InvalidImageName|couldn't parse image|invalid reference format")),
    ("NeverPulled", re.compile(r"ErrImageNeverPull|pull policy of Never")),
    ("RateLimited", re.compile(r"\b429\b|toomanyrequests|rate limit", re.IGNORECASE)),
    (
        "Denied",
        re.compile(r"\b40[13]\b|unauthorized|authorization failed|denied|no basic auth", re.IGNORECASE),
    ),
    ("NotFound", re.compile(r"not found|manifest unknown|does not exist", re.IGNORECASE)),
    ("Certificate", re.compile(r"x509:|certificate", re.IGNORECASE)),
    (
        "Unreachable",
        re.compile(
            r"no such host|dial tcp|connection refused|i/o timeout|deadline exceeded|RegistryUnavailable"
        ),
    ),
)
"""What kept the image away, by the kubelet's reasons (pkg/kubelet/images/types.go) and by what registries answer through
containerd; the first that fits. A registry that says "pull access denied, repository does not exist or may require
authorization" leaves open which: it counts as Denied."""


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.troubled:
        for pod in workers.troubled:
            for container in containers(pod):
                waiting = container.state.waiting
                if (
                    waiting is not None
                    and waiting.reason in IMAGE_REASONS
                    and wrong_architecture(container) is None
                ):
                    said = f"{waiting.reason}: {waiting.message}"
                    yield view.container_violation(
                        NAME,
                        FaultClass.IMAGE_PULL,
                        workers,
                        pod,
                        container,
                        reason=waiting.reason,
                        message=waiting.message,
                        facts={"pull": next((name for name, words in _SAID if words.search(said)), "")},
                    )


DETECTOR = Detector(NAME, frozenset({FaultClass.IMAGE_PULL}), (WorkloadHealthy,), POD_NEEDS, _judge)
