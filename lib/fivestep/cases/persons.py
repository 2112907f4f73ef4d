"""Names, phones and addresses of the simulated customers: made up, and only in raw exports, never in a contract table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰梅鹏飞红"
COMPANY = ("远航", "晨光", "启明", "恒达", "嘉和", "云帆", "博文", "瑞丰", "天成", "安泰")
TRADES = {
    "internet": "网络科技",
    "finance": "金融服务",
    "education": "教育咨询",
    "health": "健康管理",
    "hotels": "酒店管理",
    "retail": "商贸",
}


def persons(
    customers: pd.DataFrame, duplicate_of: dict[str, str], cities: dict[str, str], districts: dict[str, str]
) -> pd.DataFrame:
    """One row per customer: customer_id, customer_name, contact_name, phone, e_mail, address.

    All hang on the number of the customer, so every export of a company says the same. A second account has the name and the
    phone of its person, the phone written another way. E-mail addresses lie in example.com, which belongs to nobody.
    """
    own = customers["customer_id"]
    person = own.map(duplicate_of).fillna(own)
    number = person.str[1:].astype(int).to_numpy()
    mixed = (number * 2_654_435_761) % 2**32  # Knuth's multiplicative hash, so that neighbours have different names
    surname = np.array(list(SURNAMES))[mixed % len(SURNAMES)]
    given = np.array(list(GIVEN))[mixed // 32 % len(GIVEN)]
    second = np.where(mixed // 1024 % 3 == 0, "", np.array(list(GIVEN))[mixed // 4096 % len(GIVEN)])
    contact = pd.Series(surname) + given + second
    city, district = customers["city"].map(cities), customers["district"].map(districts)
    trade = customers["industry"].map(TRADES).fillna("贸易")
    word = np.array(COMPANY)[mixed // 64 % len(COMPANY)]
    # Two companies never have the same name: a lookup by name must be able to find its row.
    company = city.to_numpy() + word + pd.Series(number).astype(str).to_numpy() + trade.to_numpy() + "有限公司"
    phone = pd.Series(1_990_000_0000 + number).astype(str)
    again = "+86 " + phone.str[:3] + "-" + phone.str[3:7] + "-" + phone.str[7:]
    return pd.DataFrame(
        {
            "customer_id": own.to_numpy(),
            "customer_name": np.where(customers["customer_type"] == "consumer", contact, company),
            "contact_name": contact.to_numpy(),
            "phone": np.where(own == person, phone, again),
            "e_mail": own.str.lower().to_numpy() + "@example.com",
            "address": (city.to_numpy() + "市" + district.to_numpy() + "区" + pd.Series(mixed % 400 + 1).astype(str) + "号"),
        }
    )


def of_company(folder: Path, labels: pd.DataFrame) -> pd.DataFrame:
    """The persons of the simulated company in *folder*."""
    customers = pd.read_parquet(
        folder / "customers.parquet", columns=["customer_id", "customer_type", "city", "district", "industry"]
    )
    true = pd.read_parquet(folder / "truth" / "customers.parquet", columns=["customer_id", "duplicate_of"]).dropna()
    chinese = {f: dict(zip(g["value"], g["zh_CN"], strict=True)) for f, g in labels.groupby("field")}
    twins = dict(zip(true["customer_id"], true["duplicate_of"], strict=True))
    return persons(customers, twins, chinese["customers.city"], chinese["customers.district"])
