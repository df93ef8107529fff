"""The certificate that HTTP is served with, looked at before it is used."""

from __future__ import annotations

import ssl

from cryptography import x509

from bridge.configuration import SettingsError
from bridge.settings import HttpSettings


def read_certificate(http: HttpSettings) -> x509.Certificate | None:
    """The bridge's own certificate of the configured chain, None if there is none.

    Raises `SettingsError` if the files cannot be read or do not belong together.
    """
    if http.tls_certificate is None or http.tls_key is None:
        return None
    for field, path in (("tls_certificate", http.tls_certificate), ("tls_key", http.tls_key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise SettingsError("invalid_setting", f"{path}: {error.strerror}", field=f"http.{field}") from None
    try:
        # An empty password keeps OpenSSL from asking for one on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(http.tls_certificate, http.tls_key, password="")
        return x509.load_pem_x509_certificates(http.tls_certificate.read_bytes())[0]
    except (OSError, ValueError):
        raise SettingsError(
            "invalid_setting",
            f"{http.tls_certificate} and {http.tls_key} are no certificate and its key.",
            field="http.tls_certificate",
            hint="a PEM chain, the bridge's own certificate first, and its private key without a password",
        ) from None
