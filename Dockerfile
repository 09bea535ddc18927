# iDiff's images: gateway-cpu, gateway-gpu and iqa; and sbom, the list of the Python packages in one of them.
#
#   docker build --target gateway-cpu --tag idiff/gateway-cpu .
#   docker build --target sbom --build-arg SBOM_OF=gateway-gpu --output sbom .
#
# BASE is any image with Python 3.11 or newer, its pip and its venv, by tag or by digest; by default with the Python that
# the tests run on. CUDA comes from PyPI with the extra `gpu`, so the same base serves the GPU targets.
# For another index than PyPI: --secret id=pip,src=pip.conf
ARG BASE=python:3.11-slim-bookworm
ARG SBOM_OF=gateway-cpu

# Everything is installed into /opt/idiff, an environment without pip, from outside.
FROM ${BASE} AS environment
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
RUN python3 -m venv --without-pip /opt/idiff

# The code by itself, so that a change of it is a small layer over that of the packages.
FROM environment AS code
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY models models
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m pip --python /opt/idiff/bin/python3 install --no-deps .

FROM environment AS gateway-cpu-packages
COPY deploy/requirements/gateway-cpu.txt requirements.txt
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m pip --python /opt/idiff/bin/python3 install --no-deps --requirement requirements.txt

FROM environment AS gateway-gpu-packages
COPY deploy/requirements/gateway-gpu.txt requirements.txt
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m pip --python /opt/idiff/bin/python3 install --no-deps --requirement requirements.txt

FROM environment AS iqa-packages
COPY deploy/requirements/iqa.txt requirements.txt
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m pip --python /opt/idiff/bin/python3 install --no-deps --requirement requirements.txt

FROM ${BASE} AS runtime
LABEL org.opencontainers.image.title="iDiff" \
      org.opencontainers.image.description="Judges pairs of photographs: which one a professional would prefer, and why" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
ENV PATH=/opt/idiff/bin:$PATH PYTHONUNBUFFERED=1
# A name for the number: torch asks for it.
RUN groupadd --gid 10001 idiff \
 && useradd --uid 10001 --gid idiff --no-create-home --home-dir /tmp --shell /usr/sbin/nologin idiff \
 && mkdir /models
COPY deploy/healthcheck.py /opt/
VOLUME /models
STOPSIGNAL SIGTERM

FROM runtime AS gateway
ENV IDIFF_HOST=0.0.0.0 IDIFF_PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["python3", "-IS", "/opt/healthcheck.py", "IDIFF_PORT", "/readyz"]
ENTRYPOINT ["idiff"]
CMD ["serve"]

# What the three images add. Each imports its service once: that proves that no library is missing, and leaves the
# bytecode of the base's Python, which its image comes without, where a read-only root could not keep it.
FROM gateway AS gateway-cpu
COPY --from=gateway-cpu-packages /opt/idiff /opt/idiff
COPY --from=code /opt/idiff /opt/idiff
RUN ["python3", "-c", "import idiff.app"]
ENV IDIFF_PROVIDER=cpu
USER 10001:10001

FROM gateway AS gateway-gpu
COPY --from=gateway-gpu-packages /opt/idiff /opt/idiff
COPY --from=code /opt/idiff /opt/idiff
RUN ["python3", "-c", "import idiff.app"]
ENV IDIFF_PROVIDER=cuda
# What NVIDIA's own base images tell its container toolkit: which cards, which part of the driver, how new a driver.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility NVIDIA_REQUIRE_CUDA="cuda>=13.0"
USER 10001:10001

FROM runtime AS iqa
COPY --from=iqa-packages /opt/idiff /opt/idiff
COPY --from=code /opt/idiff /opt/idiff
RUN ["python3", "-c", "import idiff_iqa.app, pyiqa"]
ENV IDIFF_IQA_HOST=0.0.0.0 IDIFF_IQA_PORT=8002 IDIFF_IQA_WEIGHTS=/models
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility NVIDIA_REQUIRE_CUDA="cuda>=13.0"
USER 10001:10001
EXPOSE 8002
HEALTHCHECK --interval=10s --timeout=3s --start-period=600s \
  CMD ["python3", "-IS", "/opt/healthcheck.py", "IDIFF_IQA_PORT", "/readyz"]
ENTRYPOINT ["python3", "-m", "idiff_iqa"]

FROM ${SBOM_OF} AS described

FROM environment AS inventory
ARG SBOM_OF
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv /opt/cyclonedx && /opt/cyclonedx/bin/pip install cyclonedx-bom==7.5.0
COPY --from=described /opt/idiff /opt/idiff
RUN mkdir /sbom \
 && /opt/cyclonedx/bin/cyclonedx-py environment --output-reproducible --output-file "/sbom/${SBOM_OF}.cdx.json" \
    /opt/idiff/bin/python3

FROM scratch AS sbom
COPY --from=inventory /sbom /
