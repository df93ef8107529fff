"""The vendors' endpoints that the settings name, with their secrets."""

from __future__ import annotations

import os

from bridge.configuration import SettingsError
from bridge.settings import WebhookSettings
from bridge.webhooks.signing import Endpoint, read_secret


def read_endpoints(settings: WebhookSettings) -> list[Endpoint]:
    """The vendors' endpoints with their secrets. Raises `SettingsError`, which names what cannot be used."""
    endpoints: dict[str, Endpoint] = {}
    for index, each in enumerate(settings.endpoints):
        place = f"webhooks.endpoints[{index}]"
        if each.tenant in endpoints:
            raise SettingsError("invalid_setting", "Two endpoints are of this tenant.", field=f"{place}.tenant")
        if (each.secret_file is None) == (each.secret_env is None):
            raise SettingsError(
                "invalid_setting", "An endpoint has exactly one of secret_file and secret_env.", field=place
            )
        try:
            if each.secret_file is not None:
                text = each.secret_file.read_text(encoding="ascii").strip()
            else:
                text = os.environ.get(each.secret_env or "", "")
            endpoints[each.tenant] = Endpoint(each.tenant, each.url, read_secret(text))
        except OSError as error:
            raise SettingsError("invalid_setting", f"{error.filename}: {error.strerror}", field=place) from None
        except UnicodeDecodeError:
            raise SettingsError("invalid_setting", "The secret is no text in ASCII.", field=place) from None
        except ValueError as error:
            raise SettingsError("invalid_setting", f"Unusable: {error}.", field=place) from None
    return list(endpoints.values())
