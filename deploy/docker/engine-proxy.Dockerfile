# Between an agent and the engine, with a short list of verbs. Debian's HAProxy on the base that is here anyway: Debian mends it, and there
# is no further image to be had. Root inside, without any capability, since the engine's socket is root's: its group's number is another one
# on each machine. As of the other images, all its files bear one date.
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
    && apt-get update -qq && apt-get install -y -qq --no-install-recommends haproxy >/dev/null \
    && cd /opt/towpath/share && python3 -B sbom.py towpath-engine-proxy >sbom.cdx.json \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/ldconfig/aux-cache /var/log/apt /var/log/*.log \
    && find / -xdev -newer /dev/shm/before -exec touch -h -d @315532800 {} +
COPY --from=files /files /
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:2375/_ping', timeout=2)"]
CMD ["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"]
