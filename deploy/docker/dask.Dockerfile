# The image of flows with what a DaskExecutor needs, for runs and for the schedulers and workers of their clusters: one image for all of it,
# since code travels between them as bytes of one Python. It is also how to put any packages on top of the image of flows:
#
#   docker build -f deploy/docker/dask.Dockerfile -t towpath-dask .
#   docker build -f deploy/docker/dask.Dockerfile --build-arg PACKAGES="dask distributed dask-kubernetes" -t towpath-dask .
ARG FLOW_IMAGE=towpath
FROM ${FLOW_IMAGE}
ARG PACKAGES="dask distributed"
USER root
COPY deploy/constraints-dask.txt /tmp/constraints.txt
RUN pip install -q --no-cache-dir --root-user-action=ignore -c /tmp/constraints.txt $PACKAGES && rm /tmp/constraints.txt
# commands by which dask_kubernetes and dask_cloudprovider start what they make, and which Dask itself has no more
RUN for each in scheduler worker; do command -v "dask-$each" || \
    { printf '#!/bin/sh\nexec dask %s "$@"\n' "$each" > "/opt/towpath/bin/dask-$each" && chmod 755 "/opt/towpath/bin/dask-$each"; }; done
USER 10001
# the bill of materials of the image below does not list what has been added
LABEL org.opencontainers.image.title="towpath-dask" io.towpath.sbom=""
