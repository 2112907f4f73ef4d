"""What online events are called, which visit each belongs to, and which are the steps to a purchase."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ibis

from fivestep import language, yaml_file
from fivestep.engine import Tables
from fivestep.errors import UserError
from fivestep.language import N_, _

PAUSE = 1800  # seconds without an event after which a visit has ended, where the data has no visits of its own
# Events that say no more than that a page was seen: what was seen is the page.
VIEWS = ("view", "page_view", "pageview", "screen_view", "visit", "browse", "浏览", "页面浏览", "瀏覽", "頁面瀏覽")
STEPS: Mapping[str, tuple[str, ...]] = {
    N_("Product"): (
        "product", "product_view", "product_page", "product_detail", "view_item", "view_product", "商品", "商品详情", "商品詳情",
    ),
    N_("Cart"): ("cart", "add_to_cart", "view_cart", "basket", "购物车", "加入购物车", "加购", "購物車", "加入購物車"),
    N_("Checkout"): (
        "checkout", "begin_checkout", "shipping", "shipping_details", "结算", "去结算", "提交订单", "結算", "結帳", "去結算",
    ),
    N_("Payment"): ("pay", "payment", "payment_details", "add_payment_info", "支付", "付款"),
    N_("Purchase"): ("purchase", "order_complete", "order_completed", "thank_you", "购买", "支付成功", "購買", "付款成功"),
}  # fmt: skip
BROWSING, OTHER = N_("Browsing"), N_("Other")
KINDS: Mapping[str, tuple[str, ...]] = {
    N_("Searching"): ("search", "site_search", "view_search_results", "搜索", "站内搜索", "搜尋"),
    N_("Social"): ("like", "comment", "share", "follow", "点赞", "评论", "分享", "关注", "點讚", "點贊", "評論"),
    N_("Advertisement clicks"): ("ad_click", "click_ad", "banner_click", "点击广告", "点击广告位", "點擊廣告"),
    N_("Downloads"): ("download", "file_download", "下载", "下载资料", "下載"),
    N_("QR payment"): ("qr_pay", "scan_pay", "qr_payment", "扫码支付", "掃碼支付"),
    N_("App use"): ("app_open", "open_app", "app_launch", "打开app", "启动app"),
}
SEARCHING, SOCIAL = list(KINDS)[:2]
NO_VISITS = N_("no event belongs to a visit: import a session or a customer with the events.")


def journey_steps(path: str | Path) -> dict[str, tuple[str, ...]]:
    """The steps to a purchase in their order, each with the names of its pages and events: what ``steps:`` of the file says.

    Where there is no such file, the usual five (`STEPS`) by their usual names. Raises `UserError` for a file that says it
    otherwise, or has fewer than two steps or one name in two of them.
    """
    file = Path(path)
    if not file.is_file():
        return dict(STEPS)
    said = yaml_file.mapping(file)
    steps = said.get("steps")
    if set(said) != {"steps"} or not isinstance(steps, dict) or len(steps) < 2:
        raise UserError(
            _("{file}: write `steps:` and under it two or more lines like `Cart: [cart, add to cart]`.").format(file=file.name)
        )
    out: dict[str, tuple[str, ...]] = {}
    for label, names in steps.items():
        names = [names] if isinstance(names, str) else names
        if not isinstance(label, str) or not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
            raise UserError(
                _("{file}: steps: {label}: name the pages or events as text, like `Cart: [cart, add to cart]`.").format(
                    file=file.name, label=label
                )
            )
        out[label] = tuple(_key(n) for n in names)
        twice = [n for other, known in out.items() if other != label for n in known if n in out[label]]
        if twice:
            raise UserError(
                _("{file}: steps: {label}: {name!r} is a name of an earlier step too. Keep one.").format(
                    file=file.name, label=label, name=twice[0]
                )
            )
    return out


def visited(tables: Tables, steps: Mapping[str, tuple[str, ...]] = STEPS) -> ibis.Table:
    """Events with their meaning, one row each: event_id, customer_id, visit, at, second (since 1970), name (the page where the
    event is a mere view of it, else the event), kind (`KINDS`, "Browsing", "Other"), step (number in *steps*, from 0, or NULL),
    device, product_id, term, results (that the search showed), place.

    ``visit`` is the session, or where the data has none what a customer does without a pause of half an hour. Events that
    belong to no visit have NULL there.
    """
    events = tables.events
    columns = {
        new: events[old] if old in events.columns else ibis.null("string")
        for new, old in {
            "customer_id": "customer_id", "session": "session_id", "page": "page", "term": "search_term", "device": "device",
            "product_id": "product_id", "place": "location",
        }.items()
    }  # fmt: skip
    results = events.search_results if "search_results" in events.columns else ibis.null("int64")
    columns |= {"results": results, "said": events.event_type, "at": events.occurred_at.cast("timestamp(6)")}
    out = events.filter(events.occurred_at.notnull()).select("event_id", **columns)
    meaning = _meanings(out, steps)
    out = out.mutate(second=out.at.epoch_seconds(), page=out.page.fill_null(""))
    out = out.inner_join(meaning, ["said", "page"])
    if "session_id" in events.columns:
        out = out.mutate(visit=out.session)
    else:
        mine = ibis.window(group_by="customer_id", order_by=["at", "event_id"])
        out = out.mutate(starts=(out.second - out.second.lag().over(mine) > PAUSE).cast("int64").fill_null(1))
        number = out.starts.sum().over(ibis.window(group_by="customer_id", order_by=["at", "event_id"], following=0))
        out = out.mutate(visit=out.customer_id + "/" + number.cast("string"))
    return out.select(
        "event_id", "customer_id", "visit", "at", "second", "name", "kind", "step", "device", "product_id", "term", "results",
        "place",
    )  # fmt: skip


def _meanings(events: ibis.Table, steps: Mapping[str, tuple[str, ...]]) -> ibis.Table:
    """said, page ("" for none), name, kind, step: once for each pair, which are far fewer than events.

    Worked out once and kept: where the engine knows how few they are it joins them in passing.
    """
    pairs = events.select("said", page=events.page.fill_null("")).distinct()
    view = _keys(pairs.said).isin(VIEWS)
    pairs = pairs.mutate(name=ibis.ifelse(view & (pairs.page != ""), pairs.page, pairs.said).strip(), viewed=view)
    pairs = pairs.mutate(key=_keys(pairs.name))
    step = ibis.cases(*((pairs.key.isin(list(names)), number) for number, names in enumerate(steps.values())))
    kind = ibis.cases(
        *((pairs.key.isin(list(names)), kind) for kind, names in KINDS.items()),
        (pairs.viewed | step.notnull(), BROWSING),
        else_=OTHER,
    )
    return pairs.select("said", "page", "name", kind=kind, step=step).cache()


def label(name: Any) -> str:
    """A page or event as the reader knows it."""
    return language.value("events.page", name)


def _key(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _keys(name: ibis.Value) -> ibis.Value:
    return name.strip().lower().replace(" ", "_").replace("-", "_")
