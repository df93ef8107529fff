"""What the Dockerfile does, without docker: the wheel in an environment of its own, run by nobody from read-only files.

Where a docker daemon is at hand, the image itself is built and run too.
"""

import json
import os
import re
import shutil
import signal
import ssl
import stat
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import httpx
import pytest

from bridge.development_certificate import development_certificate
from loadtest.ports import free_port
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
NOBODY = 65_534 if os.geteuid() == 0 else None
GROUPS = None if NOBODY is None else ()
"""Whom the bridge runs as: somebody else than root."""
ISSUER = """
[[tokens.issuers]]
issuer = "vendor"
tenant = "vendor"
keys = [{ algorithm = "HS256", secret_file = "vendor.secret" }]
"""


@dataclass(frozen=True)
class Image:
    """What the final stage of the Dockerfile holds, in a folder."""

    root: Path
    wheel: Path

    @property
    def program(self) -> Path:
        """/opt/bridge."""
        return self.root / "opt"

    def command(self, *words: str, etc: Path, data: Path) -> list[str]:
        """A command of the Dockerfile, in this folder."""
        places = {"bridge": f"{self.program}/bin/bridge", "/etc/bridge/bridge.toml": f"{etc}/bridge.toml"}
        return [places.get(word, str(data) if word == "/data" else word) for word in words]

    def run(self, *words: str, etc: Path, data: Path) -> subprocess.CompletedProcess[str]:
        """Runs such a command to its end."""
        command = self.command(*words, etc=etc, data=data)
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env=environment(),
            user=NOBODY,
            group=NOBODY,
            extra_groups=GROUPS,
        )

    def files(self) -> set[Path]:
        """All that is installed."""
        return {path for path in self.program.rglob("*") if not path.is_dir()}


def dockerfile(pattern: str) -> list[str]:
    """The words of the instruction that matches."""
    found = re.findall(pattern + r" (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert len(found) == 1, pattern
    words: list[str] = json.loads(found[0])
    return words


ENTRYPOINT = dockerfile("^ENTRYPOINT")
SERVE = [*ENTRYPOINT, *dockerfile("^CMD")]
HEALTHCHECK = dockerfile("^HEALTHCHECK .* CMD")


def environment(**changes: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8", **changes}


def link_distribution(name: str, source: Path, target: Path) -> None:
    """Installs what is installed here elsewhere, by hard links where the file system lets us."""
    for file in distribution(name).files or ():
        origin = Path(str(file.locate()))
        if not origin.is_relative_to(source) or not origin.is_file():
            continue  # Commands beside the packages, and what was compiled on first use.
        place = target / origin.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.hardlink_to(origin)
        except FileExistsError:
            continue
        except OSError:
            shutil.copyfile(origin, place)


def interpreter() -> str:
    """Debian's Python, as in the image, if it is of the version that the packages here are for."""
    debian = "/usr/bin/python3"
    version = f"Python {sys.version_info.major}.{sys.version_info.minor}."
    if Path(debian).exists() and version in subprocess.run([debian, "-V"], capture_output=True, text=True).stdout:
        return debian
    return str(Path(sys.executable).resolve())


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    # Not below pytest's folder, which nobody else may enter.
    with tempfile.TemporaryDirectory(prefix="bridge-image-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        tools = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        subprocess.run([ROOT / "scripts" / "wheel", root / "wheels"], check=True, env=os.environ | {"PATH": tools})
        [wheel] = (root / "wheels").glob("*.whl")
        made = Image(root, wheel)
        subprocess.run([interpreter(), "-m", "venv", "--without-pip", made.program], check=True)
        packages = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
        # The locked requirements and nothing else: what only tests have must not be needed.
        for name in re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements" / "run.txt").read_text(), re.MULTILINE):
            link_distribution(name, Path(sys.prefix) / packages, made.program / packages)
        pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(made.program / "bin" / "python")]
        subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
        folders = [path for path in made.program.rglob("*") if path.is_dir() and not path.is_symlink()]
        for path in (made.program, *folders):
            path.chmod(0o555)
        yield made
        for path in (made.program, *folders):
            path.chmod(0o755)


@pytest.fixture
def data(image: Image) -> Iterator[Path]:
    """/data: the one folder that the bridge may write."""
    with tempfile.TemporaryDirectory(prefix="data-", dir=image.root) as folder:
        if NOBODY is not None:
            os.chown(folder, NOBODY, NOBODY)
        yield Path(folder)


@pytest.fixture
def etc(image: Image) -> Iterator[Path]:
    """/etc/bridge as an operator fills it."""
    with tempfile.TemporaryDirectory(prefix="etc-", dir=image.root) as folder:
        place = Path(folder)
        certificate, key = development_certificate(place, ["127.0.0.1"])
        (place / "tls").mkdir()
        certificate.rename(place / "tls" / "chain.pem")
        key.rename(place / "tls" / "key.pem")
        (place / "vendor.secret").write_text("a secret of the vendor that is long enough")
        (place / "bridge.toml").write_text((ROOT / "deploy" / "bridge.toml").read_text() + ISSUER)
        for path in (place, *place.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield place


@contextmanager
def serving(image: Image, etc: Path, data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The container's command, on free ports of this machine, and its base URL."""
    http, media = (f"127.0.0.1:{free_port()}" for _ in range(2))
    process = subprocess.Popen(
        image.command(*SERVE, etc=etc, data=data),
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        env=environment(BRIDGE_HTTP_LISTEN=http, BRIDGE_MEDIA_LISTEN=media),
        user=NOBODY,
        group=NOBODY,
        extra_groups=GROUPS,
    )
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said += line
            if "is ready" in line:
                break
        assert process.poll() is None, said
        yield process, f"https://{http}"
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_the_wheel_has_everything_in_it(image: Image) -> None:
    names = set(zipfile.ZipFile(image.wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "web/client", "web/sdk", "bridge", "loadtest"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    wanted = {f"bridge/{name}" if name.startswith("web/") else name for name in tracked} - {"bridge/web"}
    # The swarm is a program of its own, which `make swarm` builds from the tree.
    swarm = {name for name in wanted if name.startswith("loadtest/native/")}
    assert wanted - swarm <= names
    assert not any(name.startswith("loadtest/native/") for name in names)
    # What comes from npm is laid out when it is built.
    packages = "bridge/web/packages/files"
    assert {f"{packages}/litert_wasm_internal.wasm.gz", f"{packages}/selfie_segmentation.tflite.gz"} <= names
    assert not any("node_modules" in name for name in names)
    assert {"bridge/_core.abi3.so", "bridge/_core.pyi", "bridge/py.typed", "bridge/web/client/index.html"} <= names
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"bridge", "loadtest"}


def test_the_image_serves_as_nobody_and_writes_only_its_data(image: Image, etc: Path, data: Path) -> None:
    before = image.files()
    certificate = ssl.create_default_context(cafile=str(etc / "tls" / "chain.pem"))
    with serving(image, etc, data) as (process, url), httpx.Client(base_url=url, verify=certificate) as http:
        assert http.get("/readyz").status_code == 200
        assert "<html" in http.get("/join").text
        for path in ("/client/main.js", "/sdk/src/index.js", "/packages/litert.js"):
            assert http.get(path).headers["content-type"].startswith("text/javascript")
        assert http.post("/whip/r", content="v=0\r\n").status_code == 401
        healthy = image.run(*HEALTHCHECK, etc=etc, data=data)
        assert (healthy.returncode, healthy.stderr) == (0, "")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert image.run(*HEALTHCHECK, etc=etc, data=data).returncode == 2
    assert image.files() == before


def test_the_image_as_delivered_says_what_it_needs(image: Image, etc: Path, data: Path) -> None:
    (etc / "bridge.toml").write_text((ROOT / "deploy" / "bridge.toml").read_text())
    done = image.run(*SERVE, etc=etc, data=data)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert "tokens.issuers" in line
    (etc / "bridge.toml").write_text((ROOT / "deploy" / "bridge.toml").read_text() + ISSUER)
    (etc / "tls" / "key.pem").unlink()
    [line] = image.run(*SERVE, etc=etc, data=data).stderr.splitlines()
    assert "tls/key.pem: No such file" in line


def test_the_installed_command_knows_its_version(image: Image, etc: Path, data: Path) -> None:
    done = image.run(*ENTRYPOINT, "version", etc=etc, data=data)
    assert done.stdout == f"bridge {image.wheel.name.split('-')[1]}\n"


def test_the_build_stage_has_all_that_the_wheel_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    maturin = project["tool"]["maturin"]
    copied = {word for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()}
    assert {"pyproject.toml", "scripts/wheel", "web", project["project"]["readme"]} <= copied
    assert set(maturin["python-packages"]) | set(project["project"]["license-files"]) <= copied
    assert Path(maturin["manifest-path"]).parent.name in copied


def test_the_scripts_of_the_image_are_executable() -> None:
    for name in re.findall(r"scripts/[\w-]+(?= )", DOCKERFILE):
        assert (ROOT / name).stat().st_mode & stat.S_IXUSR, name


def docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False)


@pytest.mark.skipif(
    shutil.which("docker") is None or docker("info").returncode != 0, reason="no docker daemon is at hand"
)
# The core alone is compiled for five minutes on two busy cores.
@pytest.mark.timeout(1800)
def test_docker_builds_the_image_and_runs_it_read_only() -> None:
    built = docker("build", "--quiet", "--tag", "bridge-test", str(ROOT))
    assert built.returncode == 0, built.stderr
    run = ("run", "--rm", "--read-only", "--tmpfs", "/tmp")
    assert docker(*run, "bridge-test", "version").stdout.startswith("bridge ")
    # Nobody who may come in: said in one line, as without docker.
    assert "tokens.issuers" in docker(*run, "bridge-test").stderr
    served = docker(*run, "--detach", "bridge-test", "serve", "--dev", "--data", "/data")
    container = served.stdout.strip()
    try:
        looked = docker("exec", container, "bridge", "rooms", "--data", "/data")
        for _ in range(100):
            if looked.returncode == 0:
                break
            looked = docker("exec", container, "bridge", "rooms", "--data", "/data")
        assert looked.returncode == 0, looked.stderr
    finally:
        docker("stop", container)
