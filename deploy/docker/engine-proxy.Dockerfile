# Between an agent and the engine, with a short list of verbs. Debian's HAProxy on the base that is here anyway: Debian mends it, and there
# is no further image to be had. Root inside, without any capability, since the engine's socket is root's: its group's number is another one
# on each machine. As in the other images all files bear one date; what the base has is emptied and not removed, since a removal bears today's.
ARG PYTHON_IMAGE=python:3.11-slim
FROM ${PYTHON_IMAGE} AS files
COPY deploy/docker/sbom.py /tool/opt/towpath/share/sbom.py
COPY deploy/docker/engine-proxy.cfg /files/etc/haproxy/haproxy.cfg
RUN find /tool /files -exec touch -h -d @315532800 {} +

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="towpath-engine-proxy" \
      org.opencontainers.image.description="Passes to a Docker engine what a Towpath agent needs, and nothing else." \
      org.opencontainers.image.licenses="Apache-2.0" \
      io.towpath.sbom="/opt/towpath/share/sbom.cdx.json"
COPY --from=files /tool /
RUN touch -d @$(($(date +%s) - 1)) /dev/shm/before \
    && export SOURCE_DATE_EPOCH=315532800 DEBIAN_FRONTEND=noninteractive \
    && apt() { apt-get -qq -o Dir::State::Lists=/run/apt/lists -o Dir::Cache=/run/apt/cache "$@"; } \
    && mkdir -p /run/apt/lists/partial /run/apt/cache/archives/partial \
    && apt update && apt install -y --no-install-recommends haproxy >/dev/null && rm -r /run/apt \
    && cd /opt/towpath/share && python3 -B sbom.py towpath-engine-proxy >sbom.cdx.json \
    && find /var/log /var/cache/ldconfig -type f -newer /dev/shm/before -exec truncate -s 0 {} + \
    && find / -xdev -newer /dev/shm/before -exec touch -h -d @315532800 {} +
COPY --from=files /files /
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:2375/_ping', timeout=2)"]
CMD ["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"]
