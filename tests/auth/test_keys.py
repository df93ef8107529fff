from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from bridge.auth import Algorithm, KeyMaterialError, StaticKey
from bridge.auth.keys import parse_jwk_set

EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


def pem(key: Any) -> bytes:
    public: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return public


def ec_jwk(**changes: Any) -> dict[str, Any]:
    return {**ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "1", **changes}


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(KeyMaterialError, match="31 bytes and needs 32"):
        StaticKey.from_secret(b"x" * 31)


def test_a_development_key_is_refused_in_earnest() -> None:
    secret = b"bridge-development-" + b"x" * 40
    with pytest.raises(KeyMaterialError, match="development key"):
        StaticKey.from_secret(secret)
    assert StaticKey.from_secret(secret, development=True).key.algorithm == "HS256"


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (rsa.generate_private_key(65537, 1024), "RS256"),
        (RSA_KEY, "ES256"),
        (RSA_KEY, "HS256"),
        (ec.generate_private_key(ec.SECP384R1()), "ES256"),
        (EC_KEY, "EdDSA"),
        (ed25519.Ed25519PrivateKey.generate(), "RS256"),
    ],
)
def test_a_key_that_does_not_fit_its_algorithm_is_refused(key: Any, algorithm: Algorithm) -> None:
    with pytest.raises(KeyMaterialError, match="does not fit"):
        StaticKey.from_pem(pem(key), algorithm)


def test_a_private_key_is_refused() -> None:
    private = EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(KeyMaterialError, match="private key"):
        StaticKey.from_pem(private, "ES256")


def test_what_is_no_pem_is_refused() -> None:
    with pytest.raises(KeyMaterialError, match="not a public key"):
        StaticKey.from_pem(b"hello", "ES256")


def test_a_set_gives_the_keys_of_its_algorithm() -> None:
    rsa_jwk = {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "2"}
    document = {"keys": [ec_jwk(), rsa_jwk, {"kty": "future"}, "nonsense"]}
    assert [key.kid for key in parse_jwk_set(document, "ES256")] == ["1"]
    assert [key.kid for key in parse_jwk_set(document, "RS256")] == ["2"]


@pytest.mark.parametrize(
    "entry",
    [
        ec_jwk(use="enc"),
        ec_jwk(alg="ES384"),
        ec_jwk(kid=7),
        ec_jwk(x="AAAA"),
        ECAlgorithm.to_jwk(EC_KEY, as_dict=True),
        {"kty": "oct", "k": "c2VjcmV0LXRoYXQtaXMtbG9uZy1lbm91Z2gtdG8tYmUtb25l"},
    ],
)
def test_keys_that_must_not_verify_are_passed_over(entry: dict[str, Any]) -> None:
    algorithms: tuple[Algorithm, ...] = ("ES256", "HS256")
    for algorithm in algorithms:
        with pytest.raises(KeyMaterialError, match="no usable key"):
            parse_jwk_set({"keys": [entry]}, algorithm)


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, "keys"])
def test_what_is_no_set_is_refused(document: object) -> None:
    with pytest.raises(KeyMaterialError, match="not a JWK set"):
        parse_jwk_set(document, "ES256")


def test_keys_do_not_print_themselves() -> None:
    assert "0123456789" not in repr(StaticKey.from_secret(b"0123456789" * 4))
