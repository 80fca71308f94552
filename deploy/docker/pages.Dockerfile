# The web pages, built where no Node is installed: its container writes them to its standard output, as a tar. `build.sh` uses it when they are
# not built yet, and puts them where the gateway's package takes them from, so that they are built once, whoever does it.
ARG NODE_IMAGE=node:22-slim
FROM ${NODE_IMAGE}
WORKDIR /build/services/ui
COPY services/ui/package.json services/ui/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY services/ui .
RUN npm run build
CMD ["tar", "-c", "-C", "/build/services/gateway/src/towpath_gateway/static", "."]
