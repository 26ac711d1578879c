"""Drains an SQS queue of logins into Postgres: an afternoon's program with boto3 and psycopg.

Workers receive ten messages, put them into a queue for the loader, and wait until they are committed. Other threads delete them. The
loader writes what all workers have received meanwhile in one statement.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import queue
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timezone

import boto3
import psycopg
from botocore.config import Config

WORKERS = 32
PER_REQUEST = 10

CREATE_LEDGER = "create table if not exists ledger (message_id text primary key)"
INSERT = """
insert into user_logins
select user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date
from unnest(%(message_id)s::text[], %(user_id)s::text[], %(device_type)s::text[], %(masked_ip)s::text[],
            %(masked_device_id)s::text[], %(locale)s::text[], %(app_version)s::int[], %(create_date)s::date[])
  as m (message_id, user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date)
"""
INSERT_NEW = f"""
with new as (
  insert into ledger select unnest(%(message_id)s::text[]) on conflict do nothing returning message_id
)
{INSERT} join new using (message_id)
"""


class Masker:
    def __init__(self, key: bytes) -> None:
        self.key = key
        self.prefix = "h1." + encode(hashlib.sha256(key).digest())[:8] + "."

    def mask(self, field: str, value: str) -> str:
        return self.prefix + encode(hmac.digest(self.key, f"{field}\0{value}".encode(), "sha256"))


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def version(text: str) -> int:
    """Makes an integer that sorts as versions do: 2.3.1 is 2,003,001."""
    major, minor, patch = (*map(int, text.split(".")), 0, 0)[:3]
    return major * 1_000_000 + minor * 1_000 + patch


def row(message: dict, masker: Masker) -> dict:
    login = json.loads(message["Body"])
    sent = int(message["Attributes"]["SentTimestamp"]) / 1000
    return {
        "message_id": message["MessageId"],
        "user_id": login["user_id"],
        "device_type": login["device_type"],
        "masked_ip": masker.mask("ip", login["ip"]),
        "masked_device_id": masker.mask("device_id", login["device_id"]),
        "locale": login["locale"],
        "app_version": version(login["app_version"]),
        "create_date": datetime.fromtimestamp(sent, timezone.utc).date(),
    }


def load(db: psycopg.Connection, statement: str, masker: Masker, messages: list[dict]) -> None:
    rows = list({message["MessageId"]: row(message, masker) for message in messages}.values())
    db.execute(statement, {column: [each[column] for each in rows] for column in rows[0]})


def load_all(received: queue.SimpleQueue, statement: str, masker: Masker, db: psycopg.Connection) -> None:
    """Ends at the first None in the queue."""
    while (first := received.get()) is not None:
        batch = [first]
        while not received.empty() and len(batch) < WORKERS:
            batch.append(received.get())
        try:
            load(db, statement, masker, [message for messages, _ in batch for message in messages])
        except Exception as error:
            for _, committed in batch:
                committed.set_exception(error)
        else:
            for _, committed in batch:
                committed.set_result(None)


def work(sqs, url: str, received: queue.SimpleQueue, deleters: ThreadPoolExecutor) -> None:
    """Ends when the queue is empty."""
    deleting = None
    while True:
        response = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=PER_REQUEST,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        messages = response.get("Messages")
        if not messages:
            break
        committed = Future()
        received.put((messages, committed))
        committed.result()
        if deleting:
            deleting.result()
        deleting = deleters.submit(delete, sqs, url, messages)
    if deleting:
        deleting.result()


def delete(sqs, url: str, messages: list[dict]) -> None:
    entries = [{"Id": str(i), "ReceiptHandle": each["ReceiptHandle"]} for i, each in enumerate(messages)]
    failed = sqs.delete_message_batch(QueueUrl=url, Entries=entries).get("Failed")
    if failed:
        raise RuntimeError(f"delete: {failed[0]['Code']}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-ledger", action="store_true", help="load every message that is received")
    flags = parser.parse_args()
    masker = Masker(base64.b64decode(os.environ["MASKING_KEY"]))
    sqs = boto3.client("sqs", config=Config(max_pool_connections=2 * WORKERS))
    received = queue.SimpleQueue()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db, ThreadPoolExecutor() as loader:
        if not flags.no_ledger:
            db.execute(CREATE_LEDGER)
        loading = loader.submit(load_all, received, INSERT if flags.no_ledger else INSERT_NEW, masker, db)
        try:
            with ThreadPoolExecutor(WORKERS) as deleters, ThreadPoolExecutor(WORKERS) as workers:
                arguments = sqs, os.environ["QUEUE_URL"], received, deleters
                running = [workers.submit(work, *arguments) for _ in range(WORKERS)]
            for each in running:
                each.result()
        finally:
            received.put(None)
        loading.result()


if __name__ == "__main__":
    main()
