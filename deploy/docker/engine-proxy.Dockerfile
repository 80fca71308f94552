# Between an agent and the engine, with a short list of verbs. Debian's HAProxy on the base that is here anyway: Debian mends it, and there
# is no further image to be had. Root inside, without any capability, since the engine's socket is root's: its group's number is another one
# on each machine.
ARG PYTHON_IMAGE=python:3.11-slim
FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="towpath-engine-proxy" \
      org.opencontainers.image.description="Passes to a Docker engine what a Towpath agent needs, and nothing else." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends haproxy >/dev/null \
    && rm -rf /var/lib/apt/lists/*
COPY deploy/docker/engine-proxy.cfg /etc/haproxy/haproxy.cfg
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:2375/_ping', timeout=2)"]
CMD ["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"]
