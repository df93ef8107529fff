"""The bridge: joins people who use different video systems in one call."""
