"""The environment of every process Ceteris starts: no telemetry, no network unless asked for, the right interpreter."""

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path

# What no package may do behind a person's back. Assigned over whatever stands in the environment.
PRIVATE = {
    "DO_NOT_TRACK": "true",  # the word: MLflow compares with "true", Prefect and Hugging Face take it too
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_MODEL_CATALOG_URI": "",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # a helper process of 240 MB that nothing here uses
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # `ceteris run` ends with the address
    "DVC_NO_ANALYTICS": "1",
    "DVC_STUDIO_OFFLINE": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}

# What a person may decide otherwise by exporting it, for example HF_HUB_OFFLINE=0 to fetch an encoder by name.
DEFAULTS = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "MLFLOW_SKIP_PIP_REQUIREMENTS_CHECK": "true",
    "PREFECT_RUNNER_POLL_FREQUENCY": "2",  # seconds until `ceteris serve` picks up what the page asks for
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # the terminal has a display of its own
}

# Set by DVC for the commands it runs; inherited, they would name the wrong stage.
FOREIGN = ("DVC_ROOT", "DVC_STAGE")


def environment(home: Path) -> dict[str, str]:
    """The present environment with Ceteris's settings applied; `home` is the clone whose servers are used."""
    result = {key: value for key, value in os.environ.items() if key not in FOREIGN}
    for key, value in DEFAULTS.items():
        result.setdefault(key, value)
    result.update(PRIVATE)
    result["PREFECT_HOME"] = str(home / ".ceteris" / "prefect")
    # DVC runs commands with $SHELL: the same one for everybody, where it exists.
    if Path("/bin/bash").exists():
        result["SHELL"] = "/bin/bash"
    bypass_proxy(result)
    # `python` in dvc.yaml is the interpreter that runs this, whether or not its environment is activated.
    binaries = str(Path(sys.executable).parent)
    paths = [path for path in result.get("PATH", os.defpath).split(os.pathsep) if path != binaries]
    result["PATH"] = os.pathsep.join([binaries, *paths])
    return result


def bypass_proxy(variables: MutableMapping[str, str]) -> None:
    """Keep a proxy for the outside from standing between processes of this machine."""
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [host for host in variables.get(name, "").split(",") if host]
        variables[name] = ",".join(dict.fromkeys([*hosts, "127.0.0.1", "localhost"]))


def apply(home: Path) -> None:
    """Apply `environment` to this process; call it before the first import of prefect or mlflow, which read it then."""
    settings = environment(home)
    Path(settings["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    for key in FOREIGN:
        os.environ.pop(key, None)
    os.environ.update(settings)
