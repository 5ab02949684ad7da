# Three images of this checkout, each run by an ordinary user: `tap` (the default), `sync` and `emulator`. See
# docs/containers.md.
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

FROM build AS build-emulator
COPY requirements/emulator.txt requirements/
RUN python -m venv --without-pip /opt/emulator && \
    /opt/build/bin/pip --python /opt/emulator/bin/python install --require-hashes --only-binary :all: \
        --requirement requirements/emulator.txt && \
    /opt/build/bin/pip --python /opt/emulator/bin/python install --no-deps --no-index /wheel/*.whl

FROM build AS build-target
COPY requirements/target-postgres.txt requirements/
RUN python -m venv --without-pip /opt/target-postgres && \
    /opt/build/bin/pip --python /opt/target-postgres/bin/python install --require-hashes --only-binary :all: \
        --requirement requirements/target-postgres.txt

# An emulated Zuora, for examples/compose.yaml.
FROM python:3.13-slim-bookworm AS emulator
COPY --from=build-emulator /opt/emulator /opt/emulator
ENV PATH=/opt/emulator/bin:$PATH
USER 10001:10001
ENTRYPOINT ["zuora-testenv-emulator"]

# The tap and target-postgres, each in its own environment, and the script that syncs once.
FROM python:3.13-slim-bookworm AS sync
COPY --from=build /opt/tap /opt/tap
COPY --from=build-target /opt/target-postgres /opt/target-postgres
COPY examples/schedules/sync.sh /opt/
# A new volume that is mounted here gets this owner.
RUN install --directory --owner 10001 --group 10001 --mode 700 /var/lib/zuora-testenv
ENV TAP=/opt/tap/bin/tap-zuora-testenv TARGET=/opt/target-postgres/bin/target-postgres PATH=/opt/tap/bin:$PATH
USER 10001:10001
ENTRYPOINT ["/opt/sync.sh"]
CMD ["/var/lib/zuora-testenv"]

# The tap only.
FROM python:3.13-slim-bookworm AS tap
COPY --from=build /opt/tap /opt/tap
ENV PATH=/opt/tap/bin:$PATH
# Of no user and no group of the image: nothing there belongs to it.
USER 10001:10001
ENTRYPOINT ["tap-zuora-testenv"]
CMD ["--help"]
