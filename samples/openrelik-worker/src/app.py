"""The Celery application: where the broker is, and what becomes of a task whose
worker dies."""

import os

from celery.app import Celery
from openrelik_common import telemetry
from openrelik_worker_common.debug_utils import start_debugger

NAME = "openrelik-worker-whychain"

if os.getenv("OPENRELIK_PYDEBUG") == "1":
    start_debugger()

REDIS_URL = os.getenv("REDIS_URL") or "redis://localhost:6379/0"

# A task that nobody acknowledges within this many seconds is given to another
# worker. It has to be longer than the longest task: a capture of a terabyte is
# read in half an hour, and 12 hours leave room for slow disks.
VISIBILITY_TIMEOUT = int(os.getenv("WHYCHAIN_VISIBILITY_TIMEOUT") or 12 * 3600)

telemetry.setup_telemetry(NAME)

celery = Celery(NAME, broker=REDIS_URL, backend=REDIS_URL, include=["src.tasks"])

celery.conf.update(
    # A task is acknowledged when it is done, so that one whose process or
    # machine dies is run again. Running it twice does no harm: the evidence is
    # only read, and the same evidence gives the same report.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # A capture may take an hour and a hand-over a second. A worker that holds
    # tasks in reserve would let the short ones wait behind the long one.
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": VISIBILITY_TIMEOUT},
    result_backend_transport_options={"visibility_timeout": VISIBILITY_TIMEOUT},
    broker_connection_retry_on_startup=True,
)

telemetry.instrument_celery_app(celery)
