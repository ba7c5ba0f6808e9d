"""The API host: the endpoints that this project uses, under `/v1`."""

from hmac import compare_digest
from typing import Any

from aiohttp import web

from batchsync.sandbox.answers import Answer, json_answer, refuse
from batchsync.sandbox.assets import PREFIX, AssetShelf
from batchsync.sandbox.farm import RenderFarm
from batchsync.sandbox.faults import FaultPlan, Phase
from batchsync.sandbox.orders import Order, read_json, read_order, read_upload_items
from batchsync.sandbox.projects import Project, ProjectBook, describe, iso
from batchsync.sandbox.rules import PAID_MODES
from batchsync.sandbox.settings import SandboxSettings
from batchsync.sandbox.signing import UrlSigner
from batchsync.sandbox.throttle import Throttle

UNKNOWN_STATUS = "postprocessing"


class Api:
    """Answers what the vendor's API answers."""

    def __init__(
        self,
        settings: SandboxSettings,
        faults: FaultPlan,
        signer: UrlSigner,
        shelf: AssetShelf,
        book: ProjectBook,
        farm: RenderFarm,
    ) -> None:
        self._settings = settings
        self._faults = faults
        self._signer = signer
        self._shelf = shelf
        self._book = book
        self._farm = farm
        self._throttle = Throttle(settings.rate) if settings.rate else None
        self._seen_complete: set[str] = set()
        self._seen_odd: set[str] = set()
        self.storage_url = ""

    def admit(self, request: web.Request) -> None:
        """Let a request pass that has a key and does not come too fast.

        Raises:
            Refusal: 401 or 429.
        """
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise refuse(401, "Unauthorized")
        wanted = self._settings.key
        if wanted is not None and not compare_digest(key.strip().encode(), wanted.encode()):
            raise refuse(401, "Unauthorized")
        if self._throttle and (seconds := self._throttle.take()):
            raise refuse(429, "Too many requests", {"Retry-After": str(seconds)})

    async def upload_urls(self, request: web.Request) -> Answer:
        """Give places for files and the URLs to fill them."""
        items = read_upload_items(read_json(await request.read()))
        return json_answer(200, {"items": [self._place(*item) for item in items]})

    async def create(self, request: web.Request) -> Answer:
        """Make a job and charge it."""
        order = read_order(read_json(await request.read()))
        self._check_plan(order)
        for role, reference in (("audio", order.audio), ("video", order.video)):
            if reference.startswith(PREFIX):
                self._shelf.ready(reference, role)
        self._check_concurrency()
        content = self._farm.content(order)
        project = self._book.create(order, content, self._faults.draw_fate)
        self._farm.submit(project)
        charged = project.charged
        return json_answer(
            200,
            {"id": project.id, "credits_charged": charged, "estimated_frame_cost": charged},
        )

    async def status(self, request: web.Request) -> Answer:
        """Show a job."""
        project = self._book.get(request.match_info["id"])
        return json_answer(200, self._distort(project, self.shown(project)))

    def shown(self, project: Project) -> dict[str, Any]:
        """A job as `GET /v1/video-projects/{id}` and the webhook's events show it."""
        downloads = [self._link(project)] if project.status == "complete" else []
        return describe(project, downloads)

    async def delete(self, request: web.Request) -> Answer:
        """Remove a job for good."""
        project_id = request.match_info["id"]
        self._book.delete(project_id)
        self._farm.abandon(project_id)
        return Answer(204)

    async def account(self, _: web.Request) -> Answer:
        """Show the balance and the plan."""
        tier = self._settings.tier
        subscription = None if tier == "free" else _subscription(tier)
        return json_answer(
            200,
            {
                "id": "sandbox-account",
                "email": "sandbox@example.com",
                "credits": self._book.balance,
                "tier": tier,
                "subscription": subscription,
            },
        )

    def _place(self, kind: str, extension: str) -> dict[str, str]:
        asset = self._shelf.issue(kind, extension)
        url, expires = self._sign("upload-urls", "PUT", f"/{asset.path}")
        return {"upload_url": url, "expires_at": iso(expires), "file_path": asset.path}

    def _link(self, project: Project) -> dict[str, str]:
        url, expires = self._sign("status", "GET", f"/outputs/{project.id}/output.mp4")
        return {"url": url, "expires_at": iso(expires)}

    def _sign(self, endpoint: str, method: str, path: str) -> tuple[str, float]:
        settings = self._settings
        seconds = settings.upload_url_ttl if method == "PUT" else settings.download_url_ttl
        if self._faults.draw(Phase.ISSUE, endpoint):
            seconds = -1.0
        return self._signer.sign(self.storage_url, method, path, seconds)

    def _check_plan(self, order: Order) -> None:
        if self._settings.tier == "free" and order.mode in PAID_MODES:
            raise refuse(403, f"style.generation_mode: {order.mode} needs a paid plan")

    def _check_concurrency(self) -> None:
        limit = self._settings.max_concurrent
        full = limit is not None and self._book.active >= limit
        if full and self._settings.over_limit == "429":
            raise refuse(429, f"Too many concurrent generations: {limit} are rendering")

    def _distort(self, project: Project, shown: dict[str, Any]) -> dict[str, Any]:
        """Apply the faults that show a job otherwise than it is."""
        if project.status == "complete" and project.id not in self._seen_complete:
            self._seen_complete.add(project.id)
            if self._faults.draw(Phase.VIEW, "status", only="complete-without-downloads"):
                shown |= {"downloads": [], "download": None}
        if project.id not in self._seen_odd and self._faults.draw(
            Phase.VIEW, "status", only="unknown-status"
        ):
            self._seen_odd.add(project.id)
            shown |= {"status": UNKNOWN_STATUS, "downloads": [], "download": None}
        return shown


def _subscription(tier: str) -> dict[str, Any]:
    return {
        "name": tier.capitalize(),
        "status": "active",
        "billing_interval": "month",
        "cancel_at_period_end": False,
        "current_period_end": None,
        "discount": None,
        "price": {"amount": 0, "currency": "usd"},
    }
