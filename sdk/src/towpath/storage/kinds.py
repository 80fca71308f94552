"""The storages. At registration each says what is to be signed, and checks what can be checked then."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from towpath.errors import FlowError
from towpath.storage.code import SCRIPT_MARK, code_hash, code_name, pickle_flow
from towpath.storage.pointers import pointer
from towpath_proto import __version__
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.core.flow import Flow


class Storage(Protocol):
    """Where the code of a flow is kept."""

    def pack(self, flow: Flow) -> bytes:
        """Put the code of `flow` where it belongs, and return the bytes that are signed and sent.

        Raises:
            FlowError: It cannot be kept there, or will not be found there.
        """
        ...

    def to_dict(self) -> dict[str, Any]:
        """Prefect 1's JSON."""
        ...


class BaseStorage:
    """What all storages have in common.

    Args:
        secrets: Names of secrets that must be there before the code of a flow is loaded. A run asks the API for them.
    """

    stored_as_script = False

    def __init__(self, *, secrets: Iterable[str] | None = None) -> None:
        if isinstance(secrets, str):
            raise FlowError(Code.BAD_SETTING, "secrets is a list of names, not one string")
        self.secrets = list(secrets or ())
        self.flows: dict[str, str] = {}
        """Where the code of each flow is, by the flow's name; known after it was packed."""

    def _fields(self) -> dict[str, Any]:
        return {}

    def to_dict(self) -> dict[str, Any]:
        """Prefect 1's JSON."""
        kind = type(self).__name__.removesuffix("Storage")
        common = {
            "flows": dict(self.flows),
            "secrets": list(self.secrets),
            "stored_as_script": self.stored_as_script,
            "__version__": __version__,
        }
        return {**self._fields(), **common, "type": kind}

    def _pointer(self, flow: Flow, **facts: Any) -> bytes:
        """What is signed of a flow whose code is kept elsewhere."""
        more = {"secrets": self.secrets} if self.secrets else {}
        return pointer(type=type(self).__name__, flow=flow.name, **facts, **more)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "flows": {}}  # so that a flow pickles the same each time it is packed

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(f'{name}={value!r}' for name, value in self._fields().items())}>"


class BackendStorage(BaseStorage):
    """The code is kept by the backend: no disk, bucket or image to share. The default."""

    def pack(self, flow: Flow) -> bytes:
        """The pickled flow."""
        code = pickle_flow(flow)
        self.flows[flow.name] = code_hash(code)
        return code


class Local(BaseStorage):
    """The code is kept on the disk of the machine that registers it; agents must see that disk.

    Args:
        directory: Folder for pickled flows; default `flows` in TOWPATH_HOME. A relative one is made absolute.
        validate: Whether to check, at registration, that the folder can be written or the script is there.
        path: File of the pickled flow, in place of a name of ours in `directory`; with `stored_as_script`, the script.
        stored_as_script: Whether a script is run at each run, so that the flow may be changed without registering it again. Only the
            path is signed then: who can write the file decides what runs.
        secrets: Names of secrets that must be there before the flow is loaded.

    Raises:
        FlowError: BAD_SETTING.
    """

    def __init__(
        self,
        directory: str | None = None,
        validate: bool = True,
        path: str | None = None,
        stored_as_script: bool = False,
        *,
        secrets: Iterable[str] | None = None,
    ) -> None:
        super().__init__(secrets=secrets)
        if stored_as_script and not path:
            raise FlowError(Code.BAD_SETTING, "Local storage of a script needs its path: Local(path=..., stored_as_script=True)")
        home = os.environ.get("TOWPATH_HOME", "~/.towpath")
        self.directory = str(Path(directory if directory is not None else Path(home, "flows")).expanduser().absolute())
        self.validate = validate
        self.path = None if path is None else str(Path(path).expanduser().absolute())
        self.stored_as_script = stored_as_script

    def pack(self, flow: Flow) -> bytes:
        """Write the pickled flow, unless it is a script's; a pointer to it."""
        if self.stored_as_script:
            assert self.path is not None
            if self.validate and not Path(self.path).is_file():
                raise FlowError(Code.NOT_FOUND, f"there is no script {self.path}; give Local storage the path that agents find it at")
            self.flows[flow.name] = self.path
            return self._pointer(flow, script=self.path)
        code = pickle_flow(flow)
        address = code_hash(code)
        place = self.path or str(Path(self.directory, code_name(flow.name, address)))
        self._write(place, code)
        self.flows[flow.name] = place
        return self._pointer(flow, path=place, sha256=address)

    def _write(self, place: str, code: bytes) -> None:
        from towpath.engine.results import write_whole

        folder = Path(place).parent
        if self.path is not None and self.validate and not folder.is_dir():
            raise FlowError(Code.BAD_SETTING, f"Local storage cannot write {place}: there is no folder {folder}")
        try:
            write_whole(place, code)
        except OSError as error:
            raise FlowError(Code.BAD_SETTING, f"Local storage cannot write {place}: {error.strerror}") from error

    def _fields(self) -> dict[str, Any]:
        return {"directory": self.directory, "path": self.path}


class Module(BaseStorage):
    """The flow is a global variable of a module that is installed where runs take place.

    Only the module's name is signed: what is installed there decides what runs.

    Args:
        module: The module's full name, such as `my_flows.nightly`, or `my_flows.nightly:flow` to name the variable.
        secrets: Names of secrets that must be there before the flow is loaded.

    Raises:
        FlowError: BAD_SETTING.
    """

    stored_as_script = True

    def __init__(self, module: str, *, secrets: Iterable[str] | None = None) -> None:
        super().__init__(secrets=secrets)
        name, _, attribute = module.partition(":")
        if not all(part.isidentifier() for part in name.split(".")) or (":" in module and not attribute.isidentifier()):
            raise FlowError(Code.BAD_SETTING, f"{module!r} is not the name of a module, such as 'my_flows.nightly'")
        if name == "__main__":
            raise FlowError(Code.BAD_SETTING, "Module storage needs a module that another process can import, not '__main__'")
        self.module = module

    def pack(self, flow: Flow) -> bytes:
        """A pointer to the module."""
        import importlib.util

        name = self.module.partition(":")[0]
        known = sys.modules.get(name)
        try:
            spec = known.__spec__ if known is not None else importlib.util.find_spec(name)
        except (ImportError, ValueError):
            spec = None
        if spec is None or getattr(known, SCRIPT_MARK, False):
            raise FlowError(
                Code.FLOW_CODE_MISSING,
                f"the module {name!r} cannot be imported here, so no agent will find flow {flow.name!r} in it; install it first",
                module=name,
            )
        self.flows[flow.name] = self.module
        return self._pointer(flow, module=self.module)

    def _fields(self) -> dict[str, Any]:
        return {"module": self.module}
