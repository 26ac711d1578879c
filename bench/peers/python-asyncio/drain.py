"""Drains an SQS queue of logins into Postgres: an afternoon's program with aiobotocore and asyncpg.

Workers receive ten messages, wait until they are loaded, and delete them while they receive the next. A statement loads what all workers
have received meanwhile.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import os
from datetime import datetime, timezone

import asyncpg
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

WORKERS = 32
PER_REQUEST = 10

CREATE_LEDGER = "create table if not exists ledger (message_id text primary key)"
INSERT = """
insert into user_logins
select user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::date[])
  as m (message_id, user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date)
"""
INSERT_NEW = f"""
with new as (
  insert into ledger select unnest($1::text[]) on conflict do nothing returning message_id
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


def row(message: dict, masker: Masker) -> tuple:
    login = json.loads(message["Body"])
    sent = int(message["Attributes"]["SentTimestamp"]) / 1000
    return (
        message["MessageId"],
        login["user_id"],
        login["device_type"],
        masker.mask("ip", login["ip"]),
        masker.mask("device_id", login["device_id"]),
        login["locale"],
        version(login["app_version"]),
        datetime.fromtimestamp(sent, timezone.utc).date(),
    )


class Loader:
    def __init__(self, db: asyncpg.Connection, statement: str, masker: Masker) -> None:
        self.db = db
        self.statement = statement
        self.masker = masker
        self.waiting: list[dict] = []
        self.loading: asyncio.Task | None = None

    async def load(self, messages: list[dict]) -> None:
        """Returns when the messages are committed, with those of other workers."""
        if not self.waiting:
            self.loading = asyncio.create_task(self._load_after(self.loading))
        self.waiting.extend(messages)
        await self.loading

    async def _load_after(self, earlier: asyncio.Task | None) -> None:
        if earlier:
            await earlier
        messages, self.waiting = self.waiting, []
        rows = {message["MessageId"]: row(message, self.masker) for message in messages}.values()
        await self.db.execute(self.statement, *zip(*rows))


async def work(sqs, url: str, loader: Loader) -> None:
    """Ends when the queue is empty."""
    deleting = None
    while True:
        response = await sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=PER_REQUEST,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        messages = response.get("Messages")
        if not messages:
            break
        await loader.load(messages)
        if deleting:
            await deleting
        deleting = asyncio.create_task(delete(sqs, url, messages))
    if deleting:
        await deleting


async def delete(sqs, url: str, messages: list[dict]) -> None:
    entries = [{"Id": str(i), "ReceiptHandle": each["ReceiptHandle"]} for i, each in enumerate(messages)]
    deleted = await sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    if deleted.get("Failed"):
        raise RuntimeError(f"delete: {deleted['Failed'][0]['Code']}")


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-ledger", action="store_true", help="load every message that is received")
    flags = parser.parse_args()
    masker = Masker(base64.b64decode(os.environ["MASKING_KEY"]))
    db = await asyncpg.connect(os.environ["DATABASE_URL"])
    config = AioConfig(max_pool_connections=2 * WORKERS)
    async with get_session().create_client("sqs", config=config) as sqs:
        if not flags.no_ledger:
            await db.execute(CREATE_LEDGER)
        loader = Loader(db, INSERT if flags.no_ledger else INSERT_NEW, masker)
        async with asyncio.TaskGroup() as workers:
            for _ in range(WORKERS):
                workers.create_task(work(sqs, os.environ["QUEUE_URL"], loader))
    await db.close()


if __name__ == "__main__":
    asyncio.run(main())
