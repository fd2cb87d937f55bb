"""Validates rendered Kubernetes manifests strictly against the API's schemas, and the custom resources against what
their operators' documentation requires. Usage: check_manifests.py FILE…; exit status 1 with a line for each fault.
"""

import re
import sys
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

VERSION = "1.37"
ALERTS = Path(__file__).parent / "monitoring" / "prometheus" / "alerts.yaml"

_NAMED = {"type": "object", "required": ["name"]}
# KEDA 2.17+: keda.sh/docs/2.17/scalers/temporal. Prometheus operator: monitoring.coreos.com/v1.
CUSTOM = {
    "ScaledObject": {
        "type": "object",
        "additionalProperties": False,
        "required": ["scaleTargetRef", "triggers", "minReplicaCount", "maxReplicaCount"],
        "properties": {
            "scaleTargetRef": _NAMED,
            # A worker that is busy has no backlog: scaling to zero would stop it.
            "minReplicaCount": {"type": "integer", "minimum": 2},
            "maxReplicaCount": {"type": "integer", "minimum": 2},
            "cooldownPeriod": {"type": "integer", "minimum": 600},
            "triggers": {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/trigger"}},
        },
        "definitions": {
            "trigger": {
                "type": "object",
                "additionalProperties": False,
                "required": ["type", "metadata"],
                "properties": {
                    "type": {"enum": ["temporal", "cpu"]},
                    "metricType": {"const": "Utilization"},
                    "authenticationRef": _NAMED,
                    "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
                },
                "if": {"properties": {"type": {"const": "temporal"}}},
                "then": {
                    "properties": {"metadata": {"required": ["endpoint", "namespace", "taskQueue", "targetQueueSize"]}}
                },
            }
        },
    },
    "TriggerAuthentication": {
        "type": "object",
        "additionalProperties": False,
        "required": ["secretTargetRef"],
        "properties": {
            "secretTargetRef": {
                "type": "array",
                "items": {"type": "object", "required": ["parameter", "name", "key"], "additionalProperties": True},
            }
        },
    },
    "PodMonitor": {
        "type": "object",
        "additionalProperties": False,
        "required": ["selector", "podMetricsEndpoints"],
        "properties": {
            "selector": {"type": "object", "required": ["matchLabels"]},
            "podMetricsEndpoints": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["port", "path", "interval", "relabelings"],
                    "properties": {
                        "port": {"const": "health"},
                        "path": {"const": "/metrics"},
                        "interval": {"type": "string"},
                        # The alerts know a process by its job.
                        "relabelings": {
                            "const": [
                                {
                                    "sourceLabels": ["__meta_kubernetes_pod_label_app_kubernetes_io_component"],
                                    "targetLabel": "job",
                                    "replacement": "postroom-$1",
                                }
                            ]
                        },
                    },
                },
            },
        },
    },
    # What promtool tested, nothing else.
    "PrometheusRule": {"const": yaml.safe_load(ALERTS.read_text("utf-8"))},
}


def faults(manifest: dict) -> list[str]:
    """What is wrong with one manifest."""
    kind = manifest["kind"]
    try:
        if kind in CUSTOM:
            jsonschema.validate(manifest["spec"], CUSTOM[kind])
        else:
            kubernetes_validate.validate(manifest, VERSION, strict=True)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
        return [f"{kind}/{manifest['metadata']['name']}: {getattr(error, 'message', error)}"]
    return unsafe(manifest) if kind in ("Deployment", "Job") else []


def unsafe(manifest: dict) -> list[str]:
    """Pods that may do more than they need."""
    pod = manifest["spec"]["template"]["spec"]
    name = f"{manifest['kind']}/{manifest['metadata']['name']}"
    found = []
    if pod.get("securityContext", {}).get("runAsUser") != 10001:
        found.append(f"{name}: does not run as 10001")
    for container in pod["containers"]:
        context = container.get("securityContext", {})
        if not context.get("readOnlyRootFilesystem") or context.get("allowPrivilegeEscalation") is not False:
            found.append(f"{name}: {container['name']} is not confined")
        if "memory" not in container.get("resources", {}).get("limits", {}):
            found.append(f"{name}: {container['name']} has no memory limit")
        variables = container.get("env", [])
        if any("value" in variable and re.search("KEY|SECRET", variable["name"]) for variable in variables):
            found.append(f"{name}: {container['name']} has a secret in its manifest")
    return found


def main(files: list[str]) -> int:
    found = [
        f"{file}: {fault}"
        for file in files
        for manifest in yaml.safe_load_all(Path(file).read_text("utf-8"))
        if manifest
        for fault in faults(manifest)
    ]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
