# One image for the exporter, the demo's Canvas and syncs, and the stack's set-up.
#   docker build --tag canvas-sync-monitor .
# Another base needs Debian's python3 or a python image's, 3.11 or newer: --build-arg BASE_IMAGE=...
ARG BASE_IMAGE=python:3.13-slim-bookworm

FROM ${BASE_IMAGE} AS build
# Set to a commit's time, it makes the same files of the same commit: bytecode then has no times in it.
ARG SOURCE_DATE_EPOCH
COPY locks /locks
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes --requirement /locks/build.txt \
 && python3 -m venv /opt/canvas-sync-monitor \
 && /opt/canvas-sync-monitor/bin/pip install --no-cache-dir --require-hashes --requirement /locks/image.txt
COPY . /src
WORKDIR /src
RUN /opt/build/bin/hatchling build --target wheel --directory /dist \
 && /opt/canvas-sync-monitor/bin/pip install --no-cache-dir --no-deps /dist/*.whl \
 && /opt/canvas-sync-monitor/bin/pip uninstall --yes pip

FROM ${BASE_IMAGE}
COPY --from=build /opt/canvas-sync-monitor /opt/canvas-sync-monitor
# New named volumes take owner and mode from the folder that they are first mounted over.
RUN install --directory --owner=10001 --group=10001 --mode=0750 \
      /data /data/logs /data/demo /var/lib/otelcol
# With more arenas, the exporter's threads keep more memory: 21 MB at 52,000 series of metrics.
ENV PATH=/opt/canvas-sync-monitor/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    CANVAS_SYNC_LOG_DIR=/data/logs
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 5000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:5000/api/canvas/metrics/health', timeout=4).read()"]
CMD ["canvas-sync-monitor", "serve"]
