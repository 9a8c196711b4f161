"""Images that cannot be pulled."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue import kubelet
from gym.catalogue.base import PUBLISHED, Scenario, fixable, hopeless
from gym.catalogue.draw import Draw
from gym.catalogue.objects import SHAPES, at, main, node, workload
from gym.catalogue.sketch import Sketch, check

FAMILY = "image"
PULL = "ImagePull"


@fixable(
    "image-tag",
    FAMILY,
    PULL,
    Tier.KWOK,
    "a release went out with a tag that nobody had pushed",
    "the tag of the revision before",
    PUBLISHED,
)
def tag(d: Draw, s: Sketch) -> None:
    good = workload(d)
    bad = d.image(release=d.next_release)
    s.breaks(good, at(good, "image"), bad)
    s.had(good)
    s.mistake((good, at(good, "image"), d.image(release="latest")))
    s.shows(good, **kubelet.cannot_pull(bad, d.main, kubelet.not_found(bad)))


@fixable(
    "image-tag-of-a-sibling",
    FAMILY,
    PULL,
    Tier.KWOK,
    "a tag with two characters changed places, while a sibling runs the right one",
    "the tag that the sibling runs",
)
def sibling(d: Draw, s: Sketch) -> None:
    release = d.any("1.27.4", "2.14.3", "3.61.2")
    good = workload(d, d.turn(*SHAPES), image=d.image(release=release))
    beside = workload(d, "Deployment", f"{d.app}-worker", image=d.image(release=release), probe=False)
    head, dot, tail = release.rpartition(".")
    bad = d.image(release=f"{head[:-2]}{head[-1]}{head[-2]}{dot}{tail}")
    s.breaks(good, at(good, "image"), bad)
    s.stands(beside)
    s.mistake((good, at(good, "image"), d.image(release="latest")))
    s.shows(good, **kubelet.cannot_pull(bad, d.main, kubelet.not_found(bad)))


@fixable(
    "image-name-invalid",
    FAMILY,
    PULL,
    Tier.KWOK,
    "an image reference that does not parse",
    "the reference of the revision before",
)
def invalid(d: Draw, s: Sketch) -> None:
    good = workload(d)
    image = main(good)["image"]
    bad, why = d.turn(
        (image.replace(d.app, d.app.capitalize()), ": repository name must be lowercase"),
        (image.replace(":", "::"), ""),
        (image.replace(":", ":-"), ""),
    )
    s.breaks(good, at(good, "image"), bad)
    s.had(good)
    s.mistake((good, at(good, "image"), d.app))
    s.shows(good, **kubelet.invalid_image(bad, d.main, why))


@fixable(
    "image-repository-renamed",
    FAMILY,
    PULL,
    Tier.KWOK,
    "the repository's path has a typing error; a job of the same team uses the right one",
    "the repository that the CronJob uses, with the same tag",
)
def repository(d: Draw, s: Sketch) -> None:
    good = workload(d, d.turn(*SHAPES))
    nightly = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": f"{d.app}-nightly", "namespace": d.namespace, "labels": {"team": d.team}},
        "spec": {
            "schedule": "10 2 * * *",
            "jobTemplate": {
                "spec": {
                    "template": {
                        "spec": {
                            "restartPolicy": "Never",
                            "containers": [{"name": "nightly", "image": d.image(), "args": ["--once"]}],
                        }
                    }
                }
            },
        },
    }
    bad = d.image(app=d.app[:-2] + d.app[-1] + d.app[-2])
    s.breaks(good, at(good, "image"), bad)
    s.stands(nightly)
    s.mistake((good, at(good, "image"), d.image(release="latest")))
    s.shows(good, **kubelet.cannot_pull(bad, d.main, kubelet.not_found(bad)))


@fixable(
    "image-never-pulled",
    FAMILY,
    PULL,
    Tier.KWOK,
    "a pull policy from somebody's laptop went along: Never",
    "the policy of the revision before",
)
def never(d: Draw, s: Sketch) -> None:
    good = workload(d)
    path = at(good, "imagePullPolicy")
    main(good)["imagePullPolicy"] = "IfNotPresent"
    s.breaks(good, path, "Never", check("in", good, path, value=["IfNotPresent", "Always"]))
    s.had(good)
    s.also_right((good, path, "Always"))
    s.mistake((good, at(good, "image"), d.image(release="latest")))
    s.shows(good, **kubelet.never_pulled(d.image(), d.main))


@fixable(
    "image-wrong-architecture",
    FAMILY,
    "WrongArchitecture CrashLoop StartError",
    Tier.KWOK,
    "an image for one architecture, in a cluster of two, without the selector that its sibling has",
    "the sibling's node selector",
)
def architecture(d: Draw, s: Sketch) -> None:
    good = workload(d, d.turn("Deployment", "DaemonSet"))
    good["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/arch": "amd64"}
    main(good)["terminationMessagePolicy"] = "FallbackToLogsOnError"
    beside = workload(d, "Deployment", f"{d.app}-import", image=d.image(), probe=False)
    beside["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/arch": "amd64"}
    s.breaks(
        good,
        "spec.template.spec.nodeSelector",
        {},
        check("eq", good, r"spec.template.spec.nodeSelector.kubernetes\.io/arch", value="amd64"),
    )
    s.stands(beside)
    s.nodes = [
        node("worker-1"),
        node("worker-2", labels={"kubernetes.io/arch": "arm64"}),
        node("worker-3", labels={"kubernetes.io/arch": "arm64"}),
    ]
    s.mistake((good, r"spec.template.spec.nodeSelector.kubernetes\.io/arch", "arm64"))
    said = f"exec /usr/local/bin/{d.app}: exec format error"
    s.shows(good, **kubelet.crashes(d.main, said, 255, last_words=said))


# ---------------------------------------------------------------- for a person


@hopeless(
    "image-registry-refuses",
    FAMILY,
    PULL,
    Tier.KWOK,
    "the registry refuses the cluster's credentials",
    "a person has to renew the pull secret, or grant access",
)
def refused(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn(*SHAPES))
    image = main(obj)["image"]
    s.applies(obj)
    said = d.turn(
        "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
        "pull access denied, repository does not exist or may require authorization: server message: "
        "insufficient_scope: authorization failed",
        "unexpected status from HEAD request: 403 Forbidden",
    )
    s.finds(obj, f"The registry refuses to hand out the image `{image}`")
    s.shows(obj, **kubelet.cannot_pull(image, d.main, said))


@hopeless(
    "image-registry-away",
    FAMILY,
    PULL,
    Tier.KWOK,
    "the registry does not answer, for an image that did not change",
    "a person has to look at the registry",
)
def away(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn("StatefulSet", "Deployment"))
    image, host = main(obj)["image"], d.registry.partition("/")[0]
    s.applies(obj)
    said = d.turn(
        f"failed to do request: Head: dial tcp: lookup {host} on 10.96.0.10:53: server misbehaving",
        f"failed to do request: Head: dial tcp {host}: i/o timeout",
        "unexpected status from HEAD request: 503 Service Unavailable",
    )
    s.finds(obj, f"The image `{image}` cannot be pulled, for its registry does not answer")
    s.shows(obj, **kubelet.cannot_pull(image, d.main, said))


@hopeless(
    "image-gone-everywhere",
    FAMILY,
    PULL,
    Tier.KWOK,
    "an image that is in no registry, and no other was ever used",
    "a person has to build it, or name another",
)
def gone(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn(*SHAPES))
    image = main(obj)["image"]
    s.applies(obj)
    s.stands(workload(d, "Deployment", d.other_app()))
    s.finds(obj, f"The image `{image}` does not exist, and nothing tells which one does")
    s.shows(obj, **kubelet.cannot_pull(image, d.main, kubelet.not_found(image)))


SCENARIOS: tuple[Scenario, ...] = (
    tag, sibling, invalid, repository, never, architecture, refused, away, gone,
)  # fmt: skip
