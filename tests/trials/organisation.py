"""How a company is made up, written down by hand: its units, departments and titles, and what each is to have.

`policy_company` writes it down as a policy, `reckoning` counts by it in plain Python. Values of the files have a number
before them (`3 - FieldService`), which changes from company to company, so that only the word behind it counts here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

Row = Mapping[str, str]

EMPLOYEES: Final = ("employee",)
EXTERNAL: Final = ("contractor", "vendor", "temp", "guest")
HUMAN: Final = (*EMPLOYEES, *EXTERNAL)
STAFF: Final = ("employee", "contractor")
CONTROLLED: Final = 3
"""Projects whose number this divides are under export control."""
RELEASING: Final = 5
"""Projects whose number this divides put software in front of customers."""


def word(value: str) -> str:
    """A value without the number before it."""
    number, dash, rest = value.partition(" - ")
    return rest if dash and number.strip().isdigit() else value


def project(value: str) -> int:
    """The number of a project; -1 for nobody's."""
    return int(value.rpartition(" ")[2]) if value.startswith("Project ") else -1


@dataclass(frozen=True)
class Right:
    """Something to hold: where, under which name, and how it is come by. `more` are further keys of the policy."""

    id: str
    system: str
    target: str
    more: Mapping[str, object] | None = None


@dataclass(frozen=True)
class Rule:
    """A business role: people of some types whose column has one of some words get the rights."""

    id: str
    types: tuple[str, ...]
    column: str
    words: tuple[str, ...]
    grants: tuple[str, ...]
    may_request: tuple[str, ...] = ()

    def takes_in(self, row: Row) -> bool:
        """Whether somebody is meant."""
        return row["type"] in self.types and (not self.column or word(row[self.column]) in self.words)


@dataclass(frozen=True)
class Apart:
    """What one person must not hold together."""

    id: str
    left: str
    right: str
    blocks: bool
    reason: str

    def broken_by(self, held: Collection[str]) -> bool:
        """Whether rights break it."""
        return self.left in held and self.right in held


def _group(name: str, target: str, **more: object) -> Right:
    return Right(name, "directory", f"group:{target}", more or None)


def _erp(name: str, target: str, **more: object) -> Right:
    return Right(name, "erp", f"role:{target}", more or None)


_FINANCE: Final = {"tier": "elevated", "approval": "finance-approvers", "max_duration": "90d"}

RIGHTS: Final[tuple[Right, ...]] = (
    Right("directory-account", "directory", "account"),
    Right("chat-account", "chat", "account"),
    _group("mail", "Mail users", licence={"sku": "mail-e3", "monthly_cost": "7.50"}),
    _group("managers", "Managers"),
    _group("it-admins", "IT admins", privileged=True),
    _group("prod-admin", "Production admins", tier="jit", approval="security-two", max_duration="8h", privileged=True,
           break_glass=True),
    _group("controlled-data", "Controlled project data", tier="elevated", approval="export-control"),
    _group("source-code", "Source code"),
    _group("lab-notebook", "Laboratory notebook"),
    _group("technical-library", "Technical library"),
    _group("site-watch", "Site watch"),
    _group("medical-files", "Medical files", privileged=True),
    _group("legal-files", "Legal files"),
    _group("assistants", "Assistants"),
    _group("services", "Service accounts"),
    Right("vpn-staff", "vpn", "profile:staff", {"remote_access": True}),
    Right("vpn-field", "vpn", "profile:field", {"remote_access": True}),
    _erp("erp-sales-order", "SALES_ORDER"),
    _erp("erp-purchase-order", "PURCHASE_ORDER"),
    _erp("erp-goods-receipt", "GOODS_RECEIPT"),
    _erp("erp-contracts", "CONTRACTS"),
    _erp("erp-price-list", "PRICE_LIST"),
    _erp("erp-hr-master", "HR_MASTER"),
    _erp("erp-payroll-run", "PAYROLL_RUN"),
    _erp("erp-ledger-post", "LEDGER_POST"),
    _erp("erp-plan", "PLANNING"),
    _erp("erp-production", "PRODUCTION"),
    _erp("erp-quality-signoff", "QUALITY_SIGNOFF"),
    _erp("erp-release", "RELEASE"),
    _erp("erp-approve-time", "APPROVE_TIME"),
    _erp("erp-pay-create", "AP_CREATE", **_FINANCE),
    _erp("erp-pay-release", "AP_RELEASE", privileged=True, **_FINANCE),
)  # fmt: skip

UNITS: Final[Mapping[str, str]] = {
    "research": "ResearchAndEngineering",
    "sales": "SalesAndMarketing",
    "manufacturing": "Manufacturing",
    "administration": "Adminstration",
    "finance": "Finance",
    "purchasing": "PurchasingAndContracts",
}
"""By the name of the role; the words are spelled as personnel spells them."""

DEPARTMENTS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "assembly": ("Assembly", ("erp-production",)),
    "field-service": ("FieldService", ("vpn-field",)),
    "sales": ("Sales", ("erp-sales-order", "vpn-staff")),
    "engineering": ("Engineering", ("technical-library",)),
    "software": ("SoftwareManagement", ("source-code", "vpn-staff")),
    "laboratory": ("Research", ("lab-notebook", "technical-library")),
    "security": ("Security", ()),
    "manufacturing-engineering": ("ManufacturingEngineering", ("erp-production", "technical-library")),
    "industrial-engineering": ("IndustrialEngineering", ("erp-production",)),
    "quality-control": ("QualityControl", ("erp-quality-signoff",)),
    "purchasing": ("Purchasing", ("erp-purchase-order",)),
    "contracts": ("Contracts", ("erp-contracts",)),
    "pricing": ("Pricing", ("erp-price-list",)),
    "personnel": ("Personnel", ("erp-hr-master",)),
    "employee-relations": ("EmployeeRelations", ()),
    "training": ("Training", ()),
    "medical": ("Medical", ("medical-files",)),
    "safety": ("Safety", ("technical-library",)),
    "accounting": ("Accounting", ("erp-ledger-post",)),
    "payroll": ("Payroll", ("erp-payroll-run",)),
    "financial-planning": ("FinancialPlanning", ("erp-plan",)),
    "market-analysis": ("MarketAnalysis", ("erp-plan",)),
    "project-management": ("ProjectManagement", ("vpn-staff",)),
}

TITLES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]] = {
    "management": (
        ("Manager", "Director", "VicePresident", "President", "ChiefExecutiveOfficer", "ChiefEngineer"),
        ("managers", "vpn-staff", "erp-approve-time"), (),
    ),
    "supervision": (("Supervisor", "LabManager", "ProjectManager"), ("managers", "erp-approve-time"), ()),
    "it-administration": (("ITAdmin",), ("it-admins", "vpn-staff"), ("prod-admin",)),
    "testing": (("TestEngineer", "SoftwareQualityEngineer", "QualityEngineer"), ("erp-quality-signoff",), ()),
    "writing": (("TechnicalWriter",), ("technical-library",), ()),
    "stockroom": (("StockroomClerk",), ("erp-goods-receipt",), ()),
    "buying": (("PurchasingClerk",), ("erp-purchase-order",), ()),
    "bookkeeping": (("Accountant", "FinancialAnalyst"), ("erp-ledger-post",), ("erp-pay-create", "erp-pay-release")),
    "human-resources": (("HumanResourceSpecialist",), ("erp-hr-master",), ()),
    "guarding": (("SecurityGuard",), ("site-watch",), ()),
    "law": (("Attorney",), ("legal-files",), ()),
    "nursing": (("Nurse", "NursePractitioner"), ("medical-files",), ()),
    "assisting": (("AdministrativeAssistant", "AdministrativeStaff"), ("assistants",), ()),
}  # fmt: skip

APART: Final[tuple[Apart, ...]] = (
    Apart("pay-create-vs-release", "erp-pay-create", "erp-pay-release", True,
          "one person must not both enter and release a payment"),
    Apart("order-vs-receipt", "erp-purchase-order", "erp-goods-receipt", True,
          "whoever orders goods must not confirm that they came"),
    Apart("signoff-vs-release", "erp-quality-signoff", "erp-release", True,
          "whoever tests a product must not put it in front of customers"),
    Apart("ledger-vs-payment", "erp-ledger-post", "erp-pay-release", True,
          "whoever keeps the books must not release payments"),
    Apart("payroll-vs-personnel", "erp-payroll-run", "erp-hr-master", False,
          "whoever pays wages should not make employees"),
    Apart("admin-vs-controlled", "it-admins", "controlled-data", False,
          "administrators should not be able to read what is under export control"),
)  # fmt: skip


def rules() -> list[Rule]:
    """Every business role but those of the projects."""
    found = [
        Rule("everybody", HUMAN, "", (), ("directory-account", "mail")),
        Rule("staff", STAFF, "", (), ("chat-account",)),
        Rule("service-accounts", ("service", "shared"), "", (), ("services",)),
    ]
    found += [Rule(f"unit-{name}", EMPLOYEES, "functional_unit", (value,), (f"unit-{name}",))
              for name, value in UNITS.items()]  # fmt: skip
    found += [Rule(f"department-{name}", STAFF, "department", (value,), (f"department-{name}", *grants))
              for name, (value, grants) in DEPARTMENTS.items()]  # fmt: skip
    found += [Rule(f"title-{name}", EMPLOYEES, "role", words, grants, requests)
              for name, (words, grants, requests) in TITLES.items()]  # fmt: skip
    return found


def project_rules(numbers: Collection[int]) -> list[Rule]:
    """The roles of the projects, as a script of the project office writes them."""
    found = []
    for number in sorted(numbers):
        grants = [f"project-{number}"]
        grants += ["controlled-data"] if number % CONTROLLED == 0 else []
        grants += ["erp-release"] if number % RELEASING == 0 else []
        found.append(Rule(f"project-{number}", STAFF, "projects", (f"Project {number}",), tuple(grants)))
    return found


def rights(numbers: Collection[int]) -> list[Right]:
    """Everything that there is to hold, with a group for each unit, department and project."""
    found = list(RIGHTS)
    found += [_group(f"unit-{name}", f"Unit {value}") for name, value in UNITS.items()]
    found += [_group(f"department-{name}", f"Department {value}") for name, (value, _) in DEPARTMENTS.items()]
    found += [_group(f"project-{number}", f"Project {number}") for number in sorted(numbers)]
    return found
