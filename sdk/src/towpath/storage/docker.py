"""Storage in an image: registration builds one that has the code, and agents that start containers start it."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from towpath.errors import FlowError
from towpath.storage.code import code_hash, code_name, pickle_flow
from towpath.storage.kinds import BaseStorage
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.core.flow import Flow

FLOWS = PurePosixPath("/opt/towpath-flows")
"""Where the code lies in the image."""
CODE_LABEL = "io.towpath.built-from"
TOLD_LINES = 20
"""So many last lines of a build that failed are told."""
CHECK = "import pathlib, sys; from towpath.storage import load_flow; load_flow(pathlib.Path(sys.argv[1]).read_bytes())"


class Docker(BaseStorage):
    """The code is in an image of its own, on top of a base image that has Towpath.

    Registration builds it, loads the flow in it once, and pushes it if there is a registry. The image wins over that of a run config.

    Args:
        registry_url: Registry that it is pushed to, such as `registry.example.org/team`; default none: the agents' engines must have it.
        base_image: What it is built on; default `towpath:latest`.
        dockerfile: Path of a Dockerfile that is built first and makes the base, with its folder as context.
        python_dependencies: What pip installs into it.
        image_name: Default the flow's name, as engines take it.
        image_tag: Default made of the code and all that is said here, so that nothing is built twice.
        env_vars: Environment variables in it. Everybody who has the image can read them: no passwords.
        files: Files that are copied into it: absolute path here, absolute path there.
        base_url: Address of the engine that builds; default DOCKER_HOST, else this machine's.
        extra_dockerfile_commands: Further lines of its Dockerfile, before the code is copied.
        build_kwargs: Further arguments of docker-py's `images.build`.
        secrets: Names of secrets that must be there before the flow is loaded.

    Raises:
        FlowError: BAD_SETTING.
    """

    def __init__(
        self,
        registry_url: str | None = None,
        base_image: str | None = None,
        dockerfile: str | None = None,
        python_dependencies: Iterable[str] | None = None,
        image_name: str | None = None,
        image_tag: str | None = None,
        env_vars: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        *,
        base_url: str | None = None,
        extra_dockerfile_commands: Iterable[str] | None = None,
        build_kwargs: Mapping[str, Any] | None = None,
        secrets: Iterable[str] | None = None,
    ) -> None:
        super().__init__(secrets=secrets)
        if base_image and dockerfile:
            raise FlowError(Code.BAD_SETTING, "Docker storage takes base_image or dockerfile, not both")
        for here, there in (files or {}).items():
            if not Path(here).is_absolute() or not PurePosixPath(there).is_absolute():
                raise FlowError(Code.BAD_SETTING, f"files of Docker storage are absolute paths, here and there; see {here!r}: {there!r}")
        self.registry_url = registry_url.rstrip("/") if registry_url else None
        self.base_image = base_image or (None if dockerfile else "towpath:latest")
        self.dockerfile = dockerfile
        self.python_dependencies = list(python_dependencies or ())
        self.image_name = image_name
        self.image_tag = image_tag
        self.env_vars = dict(env_vars or {})
        self.files = dict(files or {})
        self.base_url = base_url
        self.extra_dockerfile_commands = list(extra_dockerfile_commands or ())
        self.build_kwargs = dict(build_kwargs or {})
        self._image: tuple[str, str] = (image_name or "", image_tag or "")

    def pack(self, flow: Flow) -> bytes:
        """Build the image, unless it is there, and push it if there is a registry; a pointer to the code in it.

        Raises:
            FlowError: BAD_SETTING when it cannot be built or pushed, MISSING_EXTRA without docker-py.
        """
        code = pickle_flow(flow)
        address = code_hash(code)
        place = str(FLOWS / code_name(flow.name, address))
        with closing(_engine(self.base_url)) as engine:
            base = self._base(engine)
            recipe = self._recipe(place, base.attrs["Config"].get("User") or "")
            parts = [base.id, recipe, address, self.build_kwargs, sorted((to, code_hash(_read(path))) for path, to in self.files.items())]
            built_from = hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()
            name = self.image_name or code_name(flow.name, address).partition("/")[0].lower().strip("-_.")
            self._image = (name, self.image_tag or built_from[:16])
            if not _is_there(engine, self.image, built_from):
                context = _context(f"FROM {base.id}\n{recipe}", place, code, self.files)
                _build(engine, fileobj=context, custom_context=True, tag=self.image, labels={CODE_LABEL: built_from}, **self.build_kwargs)
            if self.registry_url:
                _push(engine, self.image)
        self.flows[flow.name] = place
        return self._pointer(flow, image=self.image, path=place, sha256=address)

    @property
    def image(self) -> str:
        """The image's whole name, known after the flow was packed."""
        name, tag = self._image
        return f"{self.registry_url}/{name}:{tag}" if self.registry_url else f"{name}:{tag}"

    def _base(self, engine: Any) -> Any:
        if self.dockerfile is not None:
            file = Path(self.dockerfile).expanduser().absolute()
            return _build(engine, path=str(file.parent), dockerfile=file.name)
        import docker

        try:
            return engine.images.get(self.base_image)
        except docker.errors.ImageNotFound:
            pass
        try:
            return engine.images.pull(self.base_image)
        except docker.errors.APIError as error:
            sentence = f"the base image {self.base_image!r} is not there and cannot be pulled: {error.explanation or error}"
            raise FlowError(Code.BAD_SETTING, sentence) from error

    def _recipe(self, place: str, user: str) -> str:
        """The Dockerfile behind its first line."""
        lines = [f"ENV {name}={json.dumps(value)}" for name, value in sorted(self.env_vars.items())]
        lines += ["USER root"]
        if self.python_dependencies:
            lines.append(f"RUN {json.dumps(['python', '-m', 'pip', 'install', '--no-cache-dir', *self.python_dependencies])}")
        lines += [*self.extra_dockerfile_commands, "COPY root /", *([f"USER {user}"] if user else [])]
        return "\n".join([*lines, f"RUN {json.dumps(['python', '-c', CHECK, place])}", ""])

    def _fields(self) -> dict[str, Any]:
        name, tag = self._image
        return {"registry_url": self.registry_url, "image_name": name, "image_tag": tag, "base_image": self.base_image}

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_image": (self.image_name or "", self.image_tag or "")}


def _engine(address: str | None) -> Any:
    try:
        import docker
    except ImportError as error:
        raise FlowError(Code.MISSING_EXTRA, "Docker storage needs docker-py: pip install 'towpath[docker]'") from error
    try:
        return docker.DockerClient(base_url=address) if address else docker.from_env()
    except docker.errors.DockerException as error:
        raise FlowError(Code.BAD_SETTING, f"Docker storage builds an image, and no Docker engine answers here: {error}") from error


def _is_there(engine: Any, image: str, built_from: str) -> bool:
    import docker

    try:
        return bool(engine.images.get(image).labels.get(CODE_LABEL) == built_from)
    except docker.errors.ImageNotFound:
        return False


def _build(engine: Any, **options: Any) -> Any:
    import docker

    try:
        image, _ = engine.images.build(rm=True, forcerm=True, **options)
    except docker.errors.BuildError as error:
        lines = [line for part in error.build_log for line in str(part.get("stream") or "").splitlines() if line.strip()]
        told = "\n".join(lines[-TOLD_LINES:])
        raise FlowError(Code.BAD_SETTING, f"the image for Docker storage cannot be built: {error.msg}\n{told}") from error
    except (docker.errors.APIError, TypeError, OSError) as error:
        raise FlowError(Code.BAD_SETTING, f"the image for Docker storage cannot be built: {error}") from error
    return image


def _push(engine: Any, image: str) -> None:
    import docker

    try:
        failed = [part["error"] for part in engine.images.push(image, stream=True, decode=True) if "error" in part]
    except docker.errors.APIError as error:
        failed = [str(error.explanation or error)]
    if failed:
        raise FlowError(Code.BAD_SETTING, f"the image {image} cannot be pushed: {failed[0]}; docker login, and register again")


def _context(dockerfile: str, place: str, code: bytes, files: Mapping[str, str]) -> io.BytesIO:
    """What the engine builds from: the Dockerfile, and below `root` what is copied."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in (
            ("Dockerfile", dockerfile.encode()),
            (f"root{place}", code),
            *((f"root{there}", _read(here)) for here, there in files.items()),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    made.seek(0)
    return made


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FlowError(Code.BAD_SETTING, f"the file {path} for Docker storage cannot be read: {error.strerror}") from error
