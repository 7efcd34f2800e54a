"""What state of the code something was made from: the commit, and what was not committed."""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from components.errors import CeterisError

# Written by runs, or replaced in every workspace: never part of the difference.
_NOT_CODE = {b"dvc.lock", b"params.yaml"}
# User data lies here. Its digest is in the lock; it does not belong into a patch.
_NOT_DATA = ":(exclude)data"
_DIFF = "diff --cached --binary --full-index --no-color --no-ext-diff --no-textconv --no-renames --diff-algorithm=myers"
_FORMAT = "--unified=3 --inter-hunk-context=0 --src-prefix=a/ --dst-prefix=b/"


def git(
    root: Path,
    *arguments: str,
    check: bool = True,
    environment: Mapping[str, str] | None = None,
    given: bytes | None = None,
) -> bytes:
    """Run git in `root`, untouched by a surrounding git hook's variables, and return what it prints.

    Args:
        check: whether a failure of git is an error.
        environment: variables beside those of this process.
        given: what git reads on its standard input.

    Raises:
        CeterisError: git is not installed, or fails.
    """
    variables = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | dict(
        environment or {}
    )
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, env=variables, input=given)
    except FileNotFoundError:
        raise CeterisError("git is not installed: install it, studies record the code they were made from.") from None
    if check and done.returncode:
        raise CeterisError(f"git {arguments[0]} failed in {root}: {_reason(done.stderr)}")
    return done.stdout


def _reason(said: bytes) -> str:
    """What git said, in one line. Nothing is put behind its end, which may be a command to be copied."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    return " ".join([line if line.endswith((".", ":", ",", ";")) else f"{line}." for line in lines[:-1]] + lines[-1:])


def commit(root: Path) -> str:
    """The commit that is checked out.

    Raises:
        CeterisError: `root` is not the top of a git checkout with a commit, or git refuses it, for example because
            somebody else owns it; then the message is git's own.
    """
    checkout = (root / ".git").exists()
    if not checkout or Path(os.fsdecode(git(root, "rev-parse", "--show-toplevel")).rstrip("\n")) != root.resolve():
        raise CeterisError(f"{root} is not a git checkout: clone the repository instead of unpacking an archive of it.")
    head = git(root, "rev-parse", "--verify", "--quiet", "HEAD", check=False).decode().strip()
    if not head:
        raise CeterisError(f"{root} has no commit yet: commit once, so that a study can say what it was made from.")
    return head


def files(root: Path) -> list[str]:
    """The files that git knows or does not ignore, as they are now, without the user's data; sorted."""
    names = [name.decode() for name in _names(root)]
    return sorted(name for name in names if (root / name).is_symlink() or (root / name).is_file())


def _names(root: Path) -> set[bytes]:
    """What git knows or does not ignore, whether it is still there or not, without the user's data."""
    known = git(root, "ls-files", "-z", "--cached")
    new = git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", ".", _NOT_DATA)
    return {name for name in (known + new).split(b"\0") if name}


def uncommitted(root: Path) -> bytes:
    """The difference between the commit and `files`, as a patch that `git apply` takes; empty where there is none."""
    objects = git(root, "rev-parse", "--path-format=absolute", "--git-path", "objects").decode().strip()
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "objects").mkdir()
        # An index and an object store of our own: neither the user's index nor the repository is touched.
        own = {
            "GIT_INDEX_FILE": f"{scratch}/index",
            "GIT_OBJECT_DIRECTORY": f"{scratch}/objects",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects,
        }
        git(root, "read-tree", "HEAD", environment=own)
        names = b"\0".join(sorted(_names(root) - _NOT_CODE))
        # By name: `git add` refuses to work beside a path that it is told both to ignore and to leave out.
        git(root, "update-index", "--add", "--remove", "-z", "--stdin", environment=own, given=names)
        return git(root, *_DIFF.split(), *_FORMAT.split(), "HEAD", "--", environment=own)
