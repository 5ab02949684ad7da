# An Airflow image for DAG processor and workers, with Meltano, the tap and target-postgres: see docs/airflow.md.
#   docker build --file examples/airflow/worker.Dockerfile --tag airflow-zuora-testenv .
FROM apache/airflow:3.3.2-python3.12
ENV PIP_NO_CACHE_DIR=1 PIP_USER=0
USER root
RUN install --directory --owner=airflow --group=root /opt/meltano /opt/dbt /opt/zuora-testenv
USER airflow

# Meltano and dbt have other packages than Airflow, so each has its own environment.
COPY requirements/meltano.txt requirements/dbt.txt /tmp/requirements/
RUN python -m venv /opt/meltano && python -m venv /opt/dbt && \
    /opt/meltano/bin/pip install --require-hashes --only-binary :all: --requirement /tmp/requirements/meltano.txt && \
    /opt/dbt/bin/pip install --require-hashes --only-binary :all: --requirement /tmp/requirements/dbt.txt

# The Meltano project; its plugins are installed here, and never by a task.
WORKDIR /opt/zuora-testenv
COPY --chown=airflow:root LICENSE README.md meltano.yml pyproject.toml ./
COPY --chown=airflow:root dbt dbt
COPY --chown=airflow:root schemas schemas
COPY --chown=airflow:root tap_zuora_testenv tap_zuora_testenv
ENV MELTANO_PROJECT_ROOT=/opt/zuora-testenv
RUN /opt/meltano/bin/meltano install tap-zuora-testenv target-postgres

# The part for Airflow needs only packages of Airflow and psycopg: --no-deps leaves those of Airflow as they are.
RUN pip install --no-deps /opt/zuora-testenv && pip install "psycopg[binary]"

WORKDIR /opt/airflow
# After Airflow's own commands: each of these environments has a python, too.
ENV PATH=$PATH:/opt/meltano/bin:/opt/dbt/bin
