# The bridge as an image: built in one stage, run in another, as a user without rights on a read-only root file system.
#
#   docker build -t bridge .
#   docker run --read-only --tmpfs /tmp --network host -v /etc/bridge:/etc/bridge:ro -v bridge-data:/data bridge
#
# What has to lie in /etc/bridge stands in docs/operators.md. tests/test_image.py runs these steps without docker too.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY scripts/system-packages scripts/
RUN scripts/system-packages build
COPY requirements/run.txt requirements/build.txt requirements/
RUN python3 -m venv /opt/bridge \
    && /opt/bridge/bin/pip install --quiet --no-cache-dir --require-hashes --requirement requirements/run.txt \
    && python3 -m venv /opt/build \
    && /opt/build/bin/pip install --quiet --no-cache-dir --require-hashes --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY scripts/wheel scripts/web-packages scripts/
COPY core core
COPY web web
COPY bridge bridge
COPY loadtest loadtest
RUN PATH=/opt/build/bin:$PATH scripts/wheel /tmp/wheels \
    && /opt/bridge/bin/pip install --quiet --no-cache-dir --no-deps --no-index /tmp/wheels/*.whl

FROM debian:bookworm-slim
# The same python3 as in the build stage, so that the environment's links to it hold.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libopenh264-7 python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin bridge \
    && install -d -o bridge -g bridge -m 0700 /data
COPY --from=build /opt/bridge /opt/bridge
COPY deploy/bridge.toml /etc/bridge/bridge.toml
USER bridge
VOLUME /data
ENV PYTHONDONTWRITEBYTECODE=1 PATH=/opt/bridge/bin:$PATH
EXPOSE 8443/tcp 3478/udp 3478/tcp
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["bridge", "rooms", "--data", "/data"]
ENTRYPOINT ["bridge"]
CMD ["serve", "--config", "/etc/bridge/bridge.toml", "--data", "/data"]
