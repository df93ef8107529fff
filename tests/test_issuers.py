import time
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bridge.auth import TokenError
from bridge.configuration import SettingsError
from bridge.issuers import make_verifier
from bridge.settings import Settings, load_settings
from bridge.signin import SignIn
from bridge.storage.sqlite import SqlitePlace

SECRET = "a secret of the vendor that is long enough"
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def settings(folder: Path, key: str, more: str = "") -> Settings:
    (folder / "secret").write_text(f"{SECRET}\n")
    public = EC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "public.pem").write_bytes(public)
    config = folder / "bridge.toml"
    config.write_text(f'[[tokens.issuers]]\nissuer = "vendor"\ntenant = "legevisitt"\nkeys = [{{ {key} }}]\n{more}')
    return load_settings(config, environment={})


def claims(role: str = "fastlege") -> dict[str, object]:
    now = int(time.time())
    who = {"iss": "vendor", "aud": "bridge", "room": "r", "sub": "s", "role": role, "jti": "1"}
    return who | {"iat": now, "exp": now + 60}


@pytest.mark.parametrize("key", ['secret_file = "secret"', 'secret_env = "SECRET_OF_VENDOR"'])
async def test_a_secret_comes_from_a_file_or_the_environment(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_VENDOR", SECRET)
    verifier = make_verifier(settings(tmp_path, f'algorithm = "HS256", {key}'), development=False)
    verified = await verifier.verify(jwt.encode(claims(), SECRET, algorithm="HS256"))
    assert verified.tenant == "legevisitt"


async def test_a_public_key_comes_from_a_file(tmp_path: Path) -> None:
    verifier = make_verifier(settings(tmp_path, 'algorithm = "ES256", pem_file = "public.pem"'), development=False)
    assert (await verifier.verify(jwt.encode(claims(), EC_KEY, algorithm="ES256"))).identity == "s"


async def test_an_operator_keeps_a_vendor_from_handing_in_consents(tmp_path: Path) -> None:
    made = settings(tmp_path, 'algorithm = "HS256", secret_file = "secret"', "consent_by_vendor = false")
    token = jwt.encode(claims() | {"consent_by": "vendor"}, SECRET, algorithm="HS256")
    with pytest.raises(TokenError) as caught:
        await make_verifier(made, development=False).verify(token)
    assert (caught.value.code, caught.value.field) == ("token_grant_not_allowed", "consent_by")
    made = replace(made, data=replace(made.data, directory=tmp_path))
    own, _ = SignIn(made, SqlitePlace(tmp_path / "shared.db"), ["legevisitt"]).issuers(["legevisitt"])
    assert not own.consent_by_vendor, "nor by tokens that the bridge makes for it"


async def test_roles_are_the_operators(tmp_path: Path) -> None:
    (tmp_path / "roles.toml").write_text('[nurse]\ngrants = ["subscribe"]')
    made = settings(tmp_path, 'algorithm = "HS256", secret_file = "secret"', '[rooms]\nroles_file = "roles.toml"')
    verifier = make_verifier(made, development=False)
    assert (await verifier.verify(jwt.encode(claims("nurse"), SECRET, algorithm="HS256"))).grants == {"subscribe"}
    with pytest.raises(TokenError) as caught:
        await verifier.verify(jwt.encode(claims("fastlege"), SECRET, algorithm="HS256"))
    assert caught.value.code == "token_unknown_role"


@pytest.mark.parametrize(
    ("key", "more", "field"),
    [
        ('algorithm = "HS256", secret_file = "nowhere"', "", "tokens.issuers[0].keys[0]"),
        ('algorithm = "HS256", secret_env = "NOT_SET_ANYWHERE"', "", "tokens.issuers[0].keys[0]"),
        ('algorithm = "RS256", pem_file = "public.pem"', "", "tokens.issuers[0].keys[0]"),
        ('algorithm = "RS256", jwks_file = "public.pem"', "", "tokens.issuers[0].keys[0]"),
        ('algorithm = "HS256", secret_file = "secret"', '[rooms]\nroles_file = "nowhere"', "rooms.roles_file"),
        ('algorithm = "HS256", secret_file = "secret"', '[rooms]\nroles_file = "secret"', "rooms.roles_file"),
        ('algorithm = "HS256", secret_file = "secret"', '[rooms]\nroles_file = "bridge.toml"', "rooms.roles_file"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, key: str, more: str, field: str) -> None:
    made = settings(tmp_path, key, more)
    with pytest.raises(SettingsError) as caught:
        make_verifier(made, development=False)
    assert caught.value.field == field
    assert SECRET not in str(caught.value)
