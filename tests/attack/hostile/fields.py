"""Each sensitive field of a workload, set to what an attacker wants."""

from tests.attack.hostile.ground import DIGEST, REGISTRY
from tests.attack.hostile.row import Hostile, app, env, pod, volume

H = Hostile

CONTEXT = [
    H("a privileged container", app(securityContext={"privileged": True}), "sensitive:SecurityContext"),
    H(
        "privilege escalation",
        app(securityContext={"allowPrivilegeEscalation": True}),
        "sensitive:SecurityContext",
    ),
    H("a writable root", app(securityContext={"readOnlyRootFilesystem": False}), "sensitive:SecurityContext"),
    H("user 0", app(securityContext={"runAsUser": 0}), "sensitive:SecurityContext"),
    H("user 0 for the pod", pod(securityContext={"runAsUser": 0}), "sensitive:SecurityContext"),
    H("group 0", app(securityContext={"runAsGroup": 0}), "sensitive:SecurityContext"),
    H("root allowed", app(securityContext={"runAsNonRoot": False}), "sensitive:SecurityContext"),
    H("root allowed for the pod", pod(securityContext={"runAsNonRoot": False}), "sensitive:SecurityContext"),
    H(
        "SYS_ADMIN",
        app(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}),
        "sensitive:SecurityContext",
    ),
    H(
        "all capabilities",
        app(securityContext={"capabilities": {"add": ["ALL"]}}),
        "sensitive:SecurityContext",
    ),
    H(
        "no capability dropped",
        app(securityContext={"capabilities": {"drop": []}}),
        "sensitive:SecurityContext",
    ),
    H("capabilities forgotten", app(securityContext={"capabilities": None}), "sensitive:SecurityContext"),
    H(
        "seccomp unconfined",
        app(securityContext={"seccompProfile": {"type": "Unconfined"}}),
        "sensitive:SecurityContext",
    ),
    H(
        "seccomp of the pod unconfined",
        pod(securityContext={"seccompProfile": {"type": "Unconfined"}}),
        "sensitive:SecurityContext",
    ),
    H(
        "AppArmor unconfined",
        app(securityContext={"appArmorProfile": {"type": "Unconfined"}}),
        "sensitive:SecurityContext",
    ),
    H("AppArmor removed", app(securityContext={"appArmorProfile": None}), "sensitive:SecurityContext"),
    H(
        "SELinux spc_t",
        app(securityContext={"seLinuxOptions": {"type": "spc_t"}}),
        "sensitive:SecurityContext",
    ),
    H("procMount unmasked", app(securityContext={"procMount": "Unmasked"}), "sensitive:SecurityContext"),
    H("the whole security context removed", app(securityContext=None), "sensitive:SecurityContext"),
    H("the pod's security context removed", pod(securityContext=None), "sensitive:SecurityContext"),
    H(
        "a sysctl",
        pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
        "sensitive:SecurityContext",
    ),
    H("fsGroup of root", pod(securityContext={"fsGroup": 0}), "sensitive:SecurityContext"),
    H(
        "supplemental group of root",
        pod(securityContext={"supplementalGroups": [0]}),
        "sensitive:SecurityContext",
    ),
    H(
        "a privileged neighbour",
        pod(containers=[{"name": "proxy", "securityContext": {"privileged": True}}]),
        "sensitive:SecurityContext",
    ),
    H(
        "a privileged init container",
        pod(initContainers=[{"name": "setup", "securityContext": {"privileged": True}}]),
        "sensitive:InitContainer",
    ),
]

NODE = [
    H("the host's network", pod(hostNetwork=True), "sensitive:HostNamespace"),
    H("the host's processes", pod(hostPID=True), "sensitive:HostNamespace"),
    H("the host's IPC", pod(hostIPC=True), "sensitive:HostNamespace"),
    H("the host's users", pod(hostUsers=True), "sensitive:HostNamespace"),
    H("processes shared in the pod", pod(shareProcessNamespace=True), "sensitive:HostNamespace"),
    H("a host port", app(ports=[{"containerPort": 8080, "hostPort": 80}]), "sensitive:HostPort"),
    H("a host IP", app(ports=[{"containerPort": 8080, "hostIP": "0.0.0.0"}]), "sensitive:HostPort"),
    H("a hostPath volume", volume(name="root", hostPath={"path": "/"}), "sensitive:HostPath"),
    H(
        "the container runtime's socket",
        volume(name="run", hostPath={"path": "/run/containerd", "type": "Directory"}),
        "sensitive:HostPath",
    ),
    H(
        "a volume turned into a hostPath",
        volume(name="config", configMap=None, hostPath={"path": "/"}),
        "sensitive:HostPath",
    ),
    H("a chosen node", pod(nodeName="control-plane"), "sensitive:Placement"),
    H("every taint tolerated", pod(tolerations=[{"operator": "Exists"}]), "sensitive:Placement"),
    H("no taint tolerated", pod(tolerations=None), "sensitive:Placement"),
    H("another scheduler", pod(schedulerName="mine"), "sensitive:Placement"),
    H("system priority", pod(priorityClassName="system-node-critical"), "sensitive:Placement"),
    H("a priority number", pod(priority=2000000000), "sensitive:Unlisted"),
    H("another runtime", pod(runtimeClassName="runc-unsafe"), "sensitive:Placement"),
    H(
        "affinity to the control plane",
        pod(
            affinity={
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {
                                "matchExpressions": [
                                    {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}
                                ]
                            }
                        ]
                    }
                }
            }
        ),
        "sensitive:Unlisted",
    ),
    H(
        "a topology spread",
        pod(
            topologySpreadConstraints=[
                {
                    "topologyKey": "zone",
                    "whenUnsatisfiable": "DoNotSchedule",
                    "maxSkew": 1,
                    "labelSelector": {},
                }
            ]
        ),
        "sensitive:Unlisted",
    ),
    H("a run time limit", pod(activeDeadlineSeconds=1), "sensitive:Unlisted"),
    H("a restart policy", pod(restartPolicy="Never"), "sensitive:Unlisted"),
    H(
        "a resource claim",
        pod(resourceClaims=[{"name": "gpu", "resourceClaimName": "gpu"}]),
        "sensitive:Unlisted",
    ),
]

CODE = [
    H("another command", app(command=["/bin/sh"]), "sensitive:Command"),
    H("no command", app(command=None), "sensitive:Command"),
    H("other arguments", app(args=["--admin"]), "sensitive:Command"),
    H("arguments removed", app(args=None), "sensitive:Command"),
    H("arguments emptied", app(args=[]), "sensitive:Command"),
    H(
        "a hook after the start",
        app(lifecycle={"postStart": {"exec": {"command": ["sh", "-c", "id"]}}}),
        "sensitive:Command",
    ),
    H(
        "a hook before the stop",
        app(lifecycle={"preStop": {"httpGet": {"port": 80, "host": "evil.example"}}}),
        "sensitive:Command",
    ),
    H(
        "a probe that runs a program",
        app(livenessProbe={"httpGet": None, "exec": {"command": ["sh"]}}),
        "sensitive:Command",
    ),
    H(
        "a probe of another host",
        app(readinessProbe={"httpGet": {"host": "169.254.169.254"}}),
        "sensitive:Unlisted",
    ),
    H(
        "a probe with a stolen header",
        app(readinessProbe={"httpGet": {"httpHeaders": [{"name": "Host", "value": "x"}]}}),
        "sensitive:Unlisted",
    ),
    H(
        "the command of an init container",
        pod(initContainers=[{"name": "setup", "command": ["sh"]}]),
        "sensitive:InitContainer",
    ),
    H(
        "the image of an init container",
        pod(initContainers=[{"name": "setup", "image": f"{REGISTRY}/setup:2"}]),
        "sensitive:InitContainer",
    ),
    H("an init container removed", pod(initContainers=None), "sensitive:InitContainer"),
    H("a working directory", app(workingDir="/etc"), "sensitive:Unlisted"),
    H("a terminal", app(tty=True, stdin=True), "sensitive:Unlisted"),
    H("a message file", app(terminationMessagePath="/etc/passwd"), "sensitive:Unlisted"),
    H(
        "a mount over the configuration",
        app(volumeMounts=[{"name": "keys", "mountPath": "/etc/web"}]),
        "sensitive:Mount",
    ),
    H(
        "a mount made writable",
        app(volumeMounts=[{"mountPath": "/etc/web", "readOnly": False}]),
        "sensitive:Mount",
    ),
    H(
        "a mount propagated to the host",
        app(volumeMounts=[{"mountPath": "/tmp", "mountPropagation": "Bidirectional"}]),
        "sensitive:Mount",
    ),
    H("a raw device", app(volumeDevices=[{"name": "disk", "devicePath": "/dev/sda"}]), "sensitive:Mount"),
    H("LD_PRELOAD", env(name="LD_PRELOAD", value="/tmp/x.so"), "sensitive:LoadsCode"),
    H("the PATH changed", env(name="PATH", value="/tmp"), "sensitive:LoadsCode"),
    H("a Java agent", env(name="JAVA_TOOL_OPTIONS", value="-javaagent:/tmp/x.jar"), "sensitive:LoadsCode"),
    H("node options", env(name="NODE_OPTIONS", value="--require /tmp/x.js"), "sensitive:LoadsCode"),
    H("a proxy in between", env(name="HTTPS_PROXY", value="http://evil.example"), "sensitive:LoadsCode"),
    H("another authority", env(name="SSL_CERT_FILE", value="/tmp/ca.pem"), "sensitive:LoadsCode"),
    H("another API server", env(name="KUBERNETES_SERVICE_HOST", value="evil.example"), "sensitive:LoadsCode"),
    H(
        "LD_PRELOAD out of a ConfigMap",
        env(name="LD_PRELOAD", valueFrom={"configMapKeyRef": {"name": "web", "key": "colour"}}),
        "sensitive:LoadsCode",
    ),
    H("the PATH removed", app(env=[{"name": "PATH", "value": None}]), "sensitive:LoadsCode"),
]

SECRETS = [
    H("another service account", pod(serviceAccountName="cluster-admin"), "sensitive:ServiceAccount"),
    H("the old name of the service account", pod(serviceAccount="cluster-admin"), "sensitive:ServiceAccount"),
    H("the token mounted", pod(automountServiceAccountToken=True), "sensitive:ServiceAccount"),
    H("the token mounted by default", pod(automountServiceAccountToken=None), "sensitive:ServiceAccount"),
    H(
        "a projected token",
        volume(name="token", projected={"sources": [{"serviceAccountToken": {"path": "t"}}]}),
        "sensitive:ServiceAccount",
    ),
    H("a Secret as a volume", volume(name="s", secret={"secretName": "db"}), "sensitive:Secret"),
    H("another Secret in a volume", volume(name="keys", secret={"secretName": "db"}), "sensitive:Secret"),
    H(
        "a Secret in the environment",
        env(name="X", valueFrom={"secretKeyRef": {"name": "db", "key": "password"}}),
        "sensitive:Secret",
    ),
    H(
        "another key of a Secret",
        env(name="DB_PASSWORD", valueFrom={"secretKeyRef": {"name": "db", "key": "root"}}),
        "sensitive:Secret",
    ),
    # A word that redaction takes for none, or there would be no plan at all.
    H("a secret replaced by text", env(name="DB_PASSWORD", valueFrom=None, value="none"), "sensitive:Secret"),
    H(
        "a whole Secret in the environment",
        app(envFrom=[{"secretRef": {"name": "other"}}]),
        "sensitive:Secret",
    ),
    H("a secret copied by expansion", env(name="MODE", value="$(DB_PASSWORD)"), "sensitive:Expansion"),
    H(
        "a new variable that expands a secret",
        env(name="NOTE", value="x-$(DB_PASSWORD)"),
        "sensitive:Expansion",
    ),
    H(
        "a field of the pod in the environment",
        env(name="NODE", valueFrom={"fieldRef": {"fieldPath": "spec.nodeName"}}),
        "sensitive:Unlisted",
    ),
    H("another pull secret", pod(imagePullSecrets=[{"name": "stolen"}]), "sensitive:Secret"),
    H("a CSI driver", volume(name="csi", csi={"driver": "secrets-store.csi.k8s.io"}), "sensitive:Secret"),
    H(
        "another tenant's claim",
        volume(name="data", persistentVolumeClaim={"claimName": "payments"}),
        "sensitive:Mount",
    ),
    H("an NFS share", volume(name="nfs", nfs={"server": "10.0.0.1", "path": "/"}), "sensitive:Unlisted"),
    H(
        "a git repository",
        volume(name="git", gitRepo={"repository": "https://evil.example/x"}),
        "sensitive:Unlisted",
    ),
    H("hosts redirected", pod(hostAliases=[{"ip": "10.0.0.66", "hostnames": ["db"]}]), "sensitive:Traffic"),
    H(
        "another resolver",
        pod(dnsPolicy="None", dnsConfig={"nameservers": ["10.0.0.66"]}),
        "sensitive:Traffic",
    ),
    H("a resolver of the host", pod(dnsPolicy="Default"), "sensitive:Traffic"),
    H("service links", pod(enableServiceLinks=True), "sensitive:Unlisted"),
    H("another host name", pod(hostname="db"), "sensitive:Unlisted"),
]

_REPOSITORY = "the intent says which images it admits, and a policy does not know the intent"

IMAGES = [
    H("another registry", app(image="evil.example.com/shop/web:1.5"), "sensitive:Registry"),
    H("another registry by port", app(image="registry.example.com:5000/shop/web:1.5"), "sensitive:Registry"),
    H("Docker Hub by leaving the registry out", app(image="shop/web:1.5"), "sensitive:Registry"),
    H("the node's own registry", app(image="localhost/shop/web:1.5"), "sensitive:Registry"),
    H(
        "a registry that looks the same (Cyrillic)",
        app(image="registry.ex\u0430mple.com/shop/web:1.5"),
        "sensitive:ImageUnreadable",
    ),
    H(
        "a registry with a full-width dot",
        app(image="registry\uff0eexample.com/shop/web:1.5"),
        "sensitive:ImageUnreadable",
    ),
    H(
        "another repository",
        app(image=f"{REGISTRY}/admin:1.5"),
        "sensitive:Repository",
        guards_alone=_REPOSITORY,
    ),
    H(
        "a digest replaced by a tag",
        pod(containers=[{"name": "proxy", "image": f"{REGISTRY}/proxy:latest"}]),
        "sensitive:DigestDropped",
    ),
    H(
        "a digest of another registry",
        pod(containers=[{"name": "proxy", "image": f"evil.example.com/shop/proxy@{DIGEST}"}]),
        "sensitive:Registry",
    ),
    H("an image with a blank", app(image=f"{REGISTRY}/web:1.5 "), "sensitive:ImageUnreadable"),
    H("no image", app(image=""), "sensitive:ImageUnreadable"),
    H("an image removed", app(image=None), "sensitive:ImageUnreadable"),
    H("an image that is a number", app(image=15), "NoPlan:WrongType"),
    H("an image that is a list", app(image=["x"]), "NoPlan:WrongType"),
    H(
        "an image with a command in it",
        app(image=f"{REGISTRY}/web:1.5;curl evil"),
        "sensitive:ImageUnreadable",
    ),
    H(
        "a tag that no pattern admits",
        app(image=f"{REGISTRY}/web:latest"),
        "editable:OutOfBounds",
        bounded=True,
        guards_alone="bounds are the intent's",
    ),
]

PROBES = [
    H("the liveness probe removed", app(livenessProbe=None), "sensitive:ProbeRemoved"),
    H("the readiness probe removed", app(readinessProbe=None), "sensitive:ProbeRemoved"),
    H("the startup probe removed", app(startupProbe=None), "sensitive:ProbeRemoved"),
    H("the readiness probe emptied", app(readinessProbe={"httpGet": None}), "sensitive:ProbeRemoved"),
]

ROWS = [*CONTEXT, *NODE, *CODE, *SECRETS, *IMAGES, *PROBES]
