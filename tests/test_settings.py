import dataclasses
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.configuration import Address, SettingsError, parse_address, parse_duration
from bridge.settings import MAX_PARTICIPANTS, SECTIONS, Settings, check_for_production, load_settings
from bridge.signaling.websocket.messages.parts import SOURCES_LIMIT

DOCUMENTED = Path(__file__).parents[1] / "configs" / "bridge.toml"


EXAMPLES = [
    ("tokens", "issuers"),
    ("signin", "rooms"),
    ("signin", "providers"),
    ("signin", "exchanges"),
    ("webhooks", "endpoints"),
    ("admin", "providers"),
]


def wrong(act: Callable[[], object]) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        act()
    return caught.value


def load(tmp_path: Path, text: str = "", **environment: str) -> Settings:
    path = tmp_path / "bridge.toml"
    path.write_text(text)
    return load_settings(path, environment=environment)


def test_the_documented_file_is_the_defaults() -> None:
    document = tomllib.loads(DOCUMENTED.read_text())
    defaults = {
        section: {field.name: field.metadata["default"] for field in dataclasses.fields(cls)}
        for section, cls in SECTIONS.items()
    }
    # Documented as examples: a list of tables cannot stand there empty and be added to.
    for section, key in EXAMPLES:
        assert defaults[section].pop(key) == []
    assert document == defaults


def test_every_key_is_documented_by_a_comment_above_it() -> None:
    lines = DOCUMENTED.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"\w+ = ", line):
            above = lines[number - 1]
            # Keys that belong together share a comment.
            assert above.startswith("#") or re.match(r"\w+ = ", above), f"line {number + 1}: {line}"


def example(first: str, last: str) -> str:
    """The lines of the documented file that are examples, from one line to before another."""
    lines = DOCUMENTED.read_text().splitlines()
    return "\n".join(line.removeprefix("#").strip() for line in lines[lines.index(first) : lines.index(last)])


def test_the_example_of_issuers_is_valid(tmp_path: Path) -> None:
    [issuer] = load(tmp_path, example("# [[tokens.issuers]]", "[signin]")).tokens.issuers
    assert [key.algorithm for key in issuer.keys] == ["HS256", "HS256", "ES256", "RS256", "EdDSA"]
    assert issuer.keys[3].jwks_file == tmp_path / "vendor-jwks.json"


def test_the_example_of_sign_in_is_valid(tmp_path: Path) -> None:
    own = '[signin]\npublic_url = "https://bridge.example"\n'
    prose = re.compile(r"^(Rooms that|Providers that|Portals whose).*", re.MULTILINE)
    signin = load(tmp_path, own + prose.sub("", example("# [[signin.rooms]]", "[log]"))).signin
    assert [provider.kind for provider in signin.providers] == ["id-porten", "helseid", "oidc"]
    assert dict(signin.providers[2].levels) == {"urn:mfa": "substantial"}
    assert signin.exchanges[0].scheme == "dpop"
    assert signin.rooms[0].room == "vendor/psykiatri-*"


def test_the_example_of_operators_sign_in_is_valid(tmp_path: Path) -> None:
    own = '[signin]\npublic_url = "https://bridge.example"\n'
    [provider] = load(tmp_path, own + example("# [[admin.providers]]", "[data]")).admin.providers
    assert [rule.rights for rule in provider.operators] == [(), ("drain",)]


SIGN_IN = """
[signin]
public_url = "https://bridge.example"
[[signin.providers]]
id = "one"
kind = "helseid"
title = "One"
issuer = "https://one.example"
client_id = "bridge"
key_file = "one.pem"
"""


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('public_url = "https://bridge.example"', "", "signin.public_url"),
        ('public_url = "https://bridge.example"', 'public_url = "http://bridge.example"', "signin.public_url"),
        ('public_url = "https://bridge.example"', 'public_url = "https://bridge.example/here"', "signin.public_url"),
        ('id = "one"', 'id = "join"', "signin.providers[0].id"),
        ('"https://one.example"', '"http://one.example"', "signin.providers[0].issuer"),
        ('key_file = "one.pem"', "", "signin.providers[0]"),
        ('key_file = "one.pem"', 'secret_env = "ONE"', "signin.providers[0].key_file"),
        ('kind = "helseid"', 'kind = "oidc"', "signin.providers[0].levels"),
        ('client_id = "bridge"', 'client_id = "bridge"\nalgorithms = ["none"]', "signin.providers[0].algorithms[0]"),
        ('client_id = "bridge"', 'client_id = "bridge"\nalgorithms = ["HS256"]', "signin.providers[0].algorithms[0]"),
        ("[[signin.providers]]", "levels = { pasient = 4 }\n[[signin.providers]]", "signin.levels.pasient"),
    ],
)
def test_what_cannot_be_meant_of_sign_in_is_refused(tmp_path: Path, old: str, new: str, field: str) -> None:
    assert old in SIGN_IN
    assert wrong(lambda: load(tmp_path, SIGN_IN.replace(old, new))).field == field


def test_levels_are_read_from_text(tmp_path: Path) -> None:
    settings = load(tmp_path, BRIDGE_SIGNIN_LEVELS="pasient=substantial, tolk=low")
    assert dict(settings.signin.levels) == {"pasient": "substantial", "tolk": "low"}


def test_a_message_names_all_sources_of_the_largest_room() -> None:
    assert 2 * MAX_PARTICIPANTS <= SOURCES_LIMIT, "a microphone and a camera each"


def test_without_anything_the_defaults_hold() -> None:
    assert load_settings(environment={}) == Settings()
    assert load_settings(DOCUMENTED, environment={}).http == Settings().http


def test_no_example_is_given_that_would_be_refused(tmp_path: Path) -> None:
    error = wrong(lambda: load(tmp_path, '[audit]\nretention = "20s"'))
    assert str(error).endswith('a duration from "1d" to "36500d"')


def test_the_command_line_wins_over_the_environment_over_the_file(tmp_path: Path) -> None:
    text = '[http]\nlisten = "127.0.0.1:1"\n[rooms]\nmax_participants = 3'
    assert load(tmp_path, text).http.listen.port == 1
    settings = load(tmp_path, text, BRIDGE_HTTP_LISTEN="127.0.0.1:2")
    assert (settings.http.listen.port, settings.rooms.max_participants) == (2, 3)
    options = {"http.listen": ("--http", "127.0.0.1:3")}
    settings = load_settings(
        tmp_path / "bridge.toml", environment={"BRIDGE_HTTP_LISTEN": "127.0.0.1:2"}, options=options
    )
    assert settings.http.listen.port == 3


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    load(tmp_path, "[media]\nworkers = 4")
    assert load_settings(environment={"BRIDGE_CONFIG": str(tmp_path / "bridge.toml")}).media.workers == 4


def test_values_are_read_from_text(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        BRIDGE_MEDIA_LISTEN="192.0.2.1:3478, [2001:db8::1]:3478",
        BRIDGE_MEDIA_TCP="false",
        BRIDGE_MEDIA_WORKERS="2",
        BRIDGE_MEDIA_GATHER="0us",
        BRIDGE_MEDIA_ANNOUNCED="",
        BRIDGE_DATA_DIRECTORY="/var/lib/bridge",
        VENDOR_SECRET="left alone",
        BRIDGE_VENDOR="left alone",
        BRIDGE_SECRET_OF_VENDOR="left alone",
    )
    assert [str(address) for address in settings.media.listen] == ["192.0.2.1:3478", "[2001:db8::1]:3478"]
    assert (settings.media.tcp, settings.media.workers, settings.media.gather) == (False, 2, 0.0)
    assert settings.media.announced == ()
    assert settings.data.directory == Path("/var/lib/bridge")


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("[htp]", "htp", "'http'"),
        ("[http]\nlistn = 1", "http.listn", "'listen'"),
        ("[rooms]\nwhatever = 1", "rooms.whatever", "known here: closes_after, consultation"),
        ('[[tokens.issuers]]\nisuer = "a"', "tokens.issuers[0].isuer", "'issuer'"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(tmp_path: Path, text: str, key: str, hint: str) -> None:
    error = wrong(lambda: load(tmp_path, text))
    assert (error.code, error.field) == ("unknown_setting", key)
    assert hint in str(error.hint)
    assert str(tmp_path / "bridge.toml") in str(error)


def test_an_unknown_variable_of_a_section_is_refused(tmp_path: Path) -> None:
    error = wrong(lambda: load(tmp_path, BRIDGE_HTTP_LISTEM="127.0.0.1:1"))
    assert "BRIDGE_HTTP_LISTEM" in str(error)
    assert error.hint == "did you mean 'listen'?"


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('[http]\nlisten = "8080"', "http.listen", "an address and port"),
        ('[http]\nlisten = "[::1:8080"', "http.listen", "an address and port"),
        ('[http]\nlisten = "127.0.0.1:65536"', "http.listen", "an address and port"),
        ("[http]\nlisten = 8080", "http.listen", "an address and port"),
        ('[http]\ntrusted_proxies = ["10.0.0.1/8"]', "http.trusted_proxies[0]", "network"),
        ('[http]\nallowed_origins = ["https://a.example/path"]', "http.allowed_origins[0]", "an origin"),
        ("http = 1", "http", "a table"),
        ('[media]\nworkers = "two"', "media.workers", "a whole number from 1 to 64"),
        ("[media]\nworkers = true", "media.workers", "a whole number"),
        ("[media]\nworkers = 65", "media.workers", "a whole number"),
        ("[media]\nworkers = 1.5", "media.workers", "a whole number"),
        ("[media]\ntcp = 1", "media.tcp", "true or false"),
        ('[media]\nlisten = "127.0.0.1:1"', "media.listen", "a list"),
        ('[media]\nannounced = ["bridge.example"]', "media.announced[0]", "an IP address"),
        (f'[page]\nname = "{"x" * 61}"', "page.name", "1 to 60 characters on one line"),
        ('[page]\nname = " x"', "page.name", "on one line"),
        ('[page]\nsupport = "a\\nb"', "page.support", "1 to 200 characters on one line"),
        ("[page]\nlogo = 1", "page.logo", "a path"),
        ("[rooms]\nmax_participants = 129", "rooms.max_participants", "a whole number from 2 to 128"),
        ("[rooms]\ngrace = 30", "rooms.grace", "a duration"),
        ('[rooms]\ngrace = "30"', "rooms.grace", "a duration"),
        ('[rooms]\ngrace = "11m"', "rooms.grace", '"10m"'),
        ('[log]\nlevel = "loud"', "log.level", '"debug"'),
        ('[data]\ndirectory = ""', "data.directory", "a path"),
        ('[data]\ndirectory = "a\\u0000b"', "data.directory", "a path"),
        ("[tokens]\nissuers = 1", "tokens.issuers", "a list of tables"),
        ("[tokens]\nissuers = [1]", "tokens.issuers[0]", "a table"),
    ],
)
def test_a_wrong_value_is_named_with_file_key_value_and_what_was_expected(
    tmp_path: Path, text: str, key: str, expected: str
) -> None:
    error = wrong(lambda: load(tmp_path, text))
    assert (error.code, error.field) == ("invalid_setting", key)
    message = str(error)
    assert str(tmp_path / "bridge.toml") in message
    assert expected in message
    assert "=" in message


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("BRIDGE_MEDIA_WORKERS", "many"),
        ("BRIDGE_MEDIA_TCP", "yes"),
        ("BRIDGE_MEDIA_LISTEN", "127.0.0.1:1,nowhere"),
        ("BRIDGE_TOKENS_ISSUERS", "vendor"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, variable: str, text: str) -> None:
    assert str(wrong(lambda: load(tmp_path, **{variable: text}))).count(variable) == 1


def issuer(key: str, name: str = "vendor", tenant: str = "vendor") -> str:
    return f'[[tokens.issuers]]\nissuer = "{name}"\ntenant = "{tenant}"\nkeys = [{key}]\n'


GOOD_KEY = '{ algorithm = "HS256", secret_env = "S" }'


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (issuer(""), "tokens.issuers[0].keys"),
        (issuer('{ algorithm = "HS256" }'), "tokens.issuers[0].keys[0]"),
        (issuer('{ algorithm = "HS256", secret_env = "S", secret_file = "s" }'), "tokens.issuers[0].keys[0]"),
        (issuer('{ algorithm = "ES256", secret_env = "S" }'), "tokens.issuers[0].keys[0].algorithm"),
        (issuer('{ algorithm = "HS256", pem_file = "p" }'), "tokens.issuers[0].keys[0].algorithm"),
        (issuer('{ algorithm = "none", pem_file = "p" }'), "tokens.issuers[0].keys[0].algorithm"),
        (issuer('{ algorithm = "ES256", jwks_url = "http://vendor.example/" }'), "tokens.issuers[0].keys[0].jwks_url"),
        (issuer('{ secret_env = "S" }'), "tokens.issuers[0].keys[0].algorithm"),
        (issuer(GOOD_KEY, name="dev"), "tokens.issuers[0]"),
        (issuer(GOOD_KEY, tenant="dev"), "tokens.issuers[0]"),
        (issuer(GOOD_KEY, tenant="a/b"), "tokens.issuers[0].tenant"),
        (issuer(GOOD_KEY) * 2, "tokens.issuers[1].issuer"),
        ('[http]\ntls_key = "k.pem"', "http.tls_certificate"),
        ('[page]\nlogo = "logo.svg"', "page.name"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, field: str) -> None:
    assert wrong(lambda: load(tmp_path, text)).field == field


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "nowhere.toml" in str(wrong(lambda: load_settings(tmp_path / "nowhere.toml", environment={})))
    assert "line 1" in str(wrong(lambda: load(tmp_path, "listen = = 1")))
    (tmp_path / "latin.toml").write_bytes(b"# bl\xe5b\xe6r")
    assert "latin.toml" in str(wrong(lambda: load_settings(tmp_path / "latin.toml", environment={})))


def test_production_needs_an_issuer_and_serves_no_cleartext_to_others(tmp_path: Path) -> None:
    assert wrong(lambda: check_for_production(Settings())).field == "tokens.issuers"
    check_for_production(load(tmp_path, issuer(GOOD_KEY)))
    public = issuer(GOOD_KEY) + '[http]\nlisten = "0.0.0.0:8080"\n'
    assert wrong(lambda: check_for_production(load(tmp_path, public))).field == "http.listen"
    check_for_production(load(tmp_path, public + 'trusted_proxies = ["10.0.0.0/8"]'))
    check_for_production(load(tmp_path, public + 'tls_certificate = "c.pem"\ntls_key = "k.pem"'))


@pytest.mark.parametrize(
    ("text", "seconds"), [("200us", 0.0002), ("500ms", 0.5), ("30s", 30), ("10m", 600), ("1.5h", 5400), ("7d", 604_800)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_addresses_read_back_as_written(ip: Any, port: int) -> None:
    address = Address(str(ip), port)
    assert parse_address(str(address)) == address


@given(st.text())
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        parse_address(text)
    except ValueError:
        return


def test_localhost_is_understood() -> None:
    assert parse_address("localhost:80") == Address("127.0.0.1", 80)
