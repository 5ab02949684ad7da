# Only the tap, as an ordinary user: see docs/schedules.md.
FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_REQUIRE_VIRTUALENV=1
WORKDIR /source
COPY requirements/build.txt requirements/tap.txt requirements/
RUN python -m venv /opt/build && python -m venv --without-pip /opt/tap && \
    /opt/build/bin/pip install --require-hashes --only-binary :all: --requirement requirements/build.txt && \
    /opt/build/bin/pip --python /opt/tap/bin/python install --require-hashes --only-binary :all: \
        --requirement requirements/tap.txt
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY tap_zuora_testenv tap_zuora_testenv
RUN /opt/build/bin/pip --python /opt/build/bin/python wheel --no-deps --no-build-isolation --wheel-dir /wheel . && \
    /opt/build/bin/pip --python /opt/tap/bin/python install --no-deps --no-index /wheel/*.whl

FROM python:3.13-slim-bookworm
COPY --from=build /opt/tap /opt/tap
ENV PATH=/opt/tap/bin:$PATH
# Of no user and no group of the image: nothing there belongs to it.
USER 10001:10001
ENTRYPOINT ["tap-zuora-testenv"]
CMD ["--help"]
