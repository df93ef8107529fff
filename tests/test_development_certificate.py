import datetime
import stat
from pathlib import Path

import pytest
from cryptography import x509

from bridge.development_certificate import VALIDITY, development_certificate
from bridge.settings import HttpSettings
from bridge.tls import read_certificate

NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)


def addresses(path: Path) -> set[str]:
    names = x509.load_pem_x509_certificate(path.read_bytes()).extensions
    found = names.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.IPAddress)
    return {str(address) for address in found}


def test_it_names_the_addresses_and_is_for_its_owner_only(tmp_path: Path) -> None:
    certificate, key = development_certificate(tmp_path, ["192.0.2.7", "2001:db8::7"], NOW)
    assert addresses(certificate) == {"192.0.2.7", "2001:db8::7", "127.0.0.1", "::1"}
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert read_certificate(HttpSettings(tls_certificate=certificate, tls_key=key)) is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([certificate.name, key.name])


def test_one_that_was_trusted_is_kept(tmp_path: Path) -> None:
    certificate, _ = development_certificate(tmp_path, ["192.0.2.7"], NOW)
    before = certificate.read_bytes()
    development_certificate(tmp_path, ["127.0.0.1"], NOW + datetime.timedelta(days=30))
    assert certificate.read_bytes() == before


@pytest.mark.parametrize("spoil", ["address", "age", "certificate", "key"])
def test_one_that_no_longer_serves_is_made_anew(tmp_path: Path, spoil: str) -> None:
    certificate, key = development_certificate(tmp_path, ["192.0.2.7"], NOW)
    before = certificate.read_bytes()
    hosts, now = ["192.0.2.7"], NOW
    match spoil:
        case "address":
            hosts = ["192.0.2.8"]
        case "age":
            now = NOW + VALIDITY - datetime.timedelta(days=6)
        case "certificate":
            certificate.write_text("torn")
        case "key":
            key.unlink()
    development_certificate(tmp_path, hosts, now)
    assert certificate.read_bytes() != before
    assert set(hosts) <= addresses(certificate)
