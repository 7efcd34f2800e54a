"""Environment variables of every process that Ceteris starts: no telemetry, no network by default, the right interpreter."""

import os
import sys
from collections.abc import MutableMapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

# Settings for privacy: no telemetry, no advertisements, no unsafe loading. They replace values that are already set.
PRIVATE = {
    "DO_NOT_TRACK": "true",  # not "1", because MLflow compares with "true"; Prefect and Hugging Face accept it too
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

# Defaults that the user can override by exporting the variable, for example HF_HUB_OFFLINE=0 to fetch an encoder by name.
DEFAULTS = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "MLFLOW_SKIP_PIP_REQUIREMENTS_CHECK": "true",
    "PREFECT_RUNNER_POLL_FREQUENCY": "2",  # seconds until `ceteris serve` picks up what the page asks for
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # the terminal has a display of its own
}

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")  # in lower or upper case

# DVC sets these for the commands that it runs. They are not passed on, because they would name the wrong stage.
FOREIGN = ("DVC_ROOT", "DVC_STAGE")


def environment(home: Path) -> dict[str, str]:
    """The present environment with Ceteris's settings applied; `home` is the clone whose servers are used."""
    result = {key: value for key, value in os.environ.items() if key not in FOREIGN}
    for key, value in DEFAULTS.items():
        result.setdefault(key, value)
    result.update(PRIVATE)
    result["PREFECT_HOME"] = str(home / ".ceteris" / "prefect")
    # DVC runs commands with $SHELL, so it is set to the same shell for everybody, if that exists.
    if Path("/bin/bash").exists():
        result["SHELL"] = "/bin/bash"
    bypass_proxy(result)
    # `python` in dvc.yaml is the interpreter that runs this, whether or not its environment is activated.
    binaries = str(Path(sys.executable).parent)
    paths = [path for path in result.get("PATH", os.defpath).split(os.pathsep) if path != binaries]
    result["PATH"] = os.pathsep.join([binaries, *paths])
    return result


def bypass_proxy(variables: MutableMapping[str, str]) -> list[str]:
    """Make connections between processes of this machine bypass proxies.

    The client of Prefect's server does not start if any proxy has a scheme that it does not support, even if that proxy would
    not be used, or if a host in `no_proxy` is in brackets. So unsupported proxies and the brackets are removed.

    Returns:
        The names of the variables that were removed.
    """
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [host.strip().removeprefix("[").partition("]")[0] for host in variables.get(name, "").split(",")]
        variables[name] = ",".join(dict.fromkeys([*filter(None, hosts), "127.0.0.1", "localhost"]))
    unusable = [name for name in variables if name.lower() in _PROXIES and not _usable(variables[name])]
    for name in unusable:
        del variables[name]
    return unusable


def _usable(proxy: str) -> bool:
    """Whether a proxy is an HTTP proxy, or a SOCKS proxy and the package for these is installed."""
    scheme, mark, _ = proxy.partition("://")
    known = ("http", "https", *(("socks5", "socks5h") if find_spec("socksio") else ()))
    if mark and scheme.lower() not in known:
        return False
    try:
        _ = urlsplit(proxy if mark else f"http://{proxy}").port
    except ValueError:  # not an address
        return False
    return True


def apply(home: Path) -> None:
    """Apply `environment` to this process. Call it before prefect or mlflow is imported, because they read it on import."""
    settings = environment(home)
    Path(settings["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    for key in FOREIGN:
        os.environ.pop(key, None)
    os.environ.update(settings)
