"""SuccessFactors by OAuth 2.0 with an assertion of our own, on a token address that really verifies it."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidSignature
from signxml.verifier import SignatureConfiguration, XMLVerifier

from jmltui.adapter_api import AuthFailed, Invalid, Person, Setup
from jmltui.errors import SettingsError
from jmltui_http import HttpAdapter
from jmltui_http.description import load
from tests.conftest import StandingClock
from tests.servers.played import Asked, Played, Reply, playing

SAML = {"saml": "urn:oasis:names:tc:SAML:2.0:assertion", "ds": "http://www.w3.org/2000/09/xmldsig#"}
PARAMETERS = {"host": "h", "sign_in": "saml", "client_id": "AP1<&>", "company_id": "acme", "api_user": "jml&api"}
PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8


@cache
def pair(name: str, bits: int = 2048) -> tuple[str, str]:
    """A private key and its certificate."""
    key = rsa.generate_private_key(65537, bits)
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    until = datetime(2040, 1, 1)  # noqa: DTZ001  # certificates have no zone
    made = x509.CertificateBuilder(who, who, key.public_key(), 1, datetime(2020, 1, 1), until)  # noqa: DTZ001
    return pem(key), made.sign(key, hashes.SHA256()).public_bytes(PEM).decode()


def pem(key: Any, passphrase: bytes | None = None) -> str:
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return str(key.private_bytes(PEM, PKCS8, lock).decode())


class SuccessFactors:
    """The token address and one page of jobs. Its clock may be another than ours."""

    def __init__(self, clock: StandingClock, registered: str, ahead: timedelta = timedelta(0)) -> None:
        self.server = Played()
        self.server.on("POST", "/oauth/token", self._token)
        self.server.on("GET", "/odata/v2/EmpJob", self._jobs)
        self.seen: list[etree._Element] = []
        self.tokens: set[str] = set()
        self._clock, self._registered, self._ahead = clock, registered, ahead

    def _token(self, asked: Asked) -> Reply:
        reply = self._answer(asked.form())
        reply.headers["Date"] = format_datetime(self._clock() + self._ahead, usegmt=True)
        return reply

    def _answer(self, form: dict[str, str]) -> Reply:
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:saml2-bearer":
            return refused("Unsupported grant type")
        if (form.get("client_id"), form.get("company_id")) != (PARAMETERS["client_id"], "acme"):
            return refused("Unable to authenticate the client (unknown client)")
        expected = SignatureConfiguration(
            location="./",
            signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
            digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
            require_x509=True,
            ignore_ambiguous_key_info=True,
        )
        try:
            verified = XMLVerifier().verify(
                base64.b64decode(form["assertion"], validate=True),
                x509_cert=self._registered,
                expect_config=expected,
                id_attribute="ID",
            )
        except InvalidSignature:
            return refused("Unable to verify the signature of the SAML assertion")
        assert not isinstance(verified, list)
        signed = verified.signed_xml
        assert signed is not None
        return self._judged(signed)

    def _judged(self, signed: etree._Element) -> Reply:
        """By what was signed alone."""
        self.seen.append(signed)
        now = self._clock() + self._ahead
        data = signed.find(".//saml:SubjectConfirmationData", SAML)
        conditions = signed.find("saml:Conditions", SAML)
        assert data is not None
        assert conditions is not None
        if not instant(conditions, "NotBefore") <= now < instant(conditions, "NotOnOrAfter"):
            return refused("The SAML assertion is not valid at this time")
        if now >= instant(data, "NotOnOrAfter") or data.get("Recipient") != f"{self.server.url}/oauth/token":
            return refused("The SAML assertion is for somebody else")
        if text(signed, "saml:Conditions/saml:AudienceRestriction/saml:Audience") != "www.successfactors.com":
            return refused("The SAML assertion is for another audience")
        if text(signed, "saml:Subject/saml:NameID") != PARAMETERS["api_user"]:
            return refused("Unable to authenticate the client (Login failed - invalid user)")
        token = f"token-{len(self.seen)}"
        self.tokens.add(f"Bearer {token}")
        return Reply(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def _jobs(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") not in self.tokens:
            return Reply(401, {"error": {"code": "LGN0007", "message": "The access token is invalid or expired"}})
        job = {"userId": "mli", "userNav": {"firstName": "Mina", "lastName": "Li"}}
        job["emplStatusNav"] = {"picklistLabels": {"results": [{"label": "Active"}]}}  # type: ignore[dict-item]
        return Reply(200, {"d": {"results": [job]}})


def refused(told: str) -> Reply:
    """As SAP note 3336571 shows it."""
    return Reply(401, {"errorHttpCode": "401", "errorMessage": told})


def instant(element: etree._Element, name: str) -> datetime:
    return datetime.fromisoformat(str(element.get(name)))


def text(element: etree._Element, path: str) -> str | None:
    return element.findtext(path, None, SAML)


def adapter(server: Played, clock: StandingClock, folder: Path, key: str, **parameters: str) -> HttpAdapter:
    """By the shipped description, its hosts replaced by the server's."""
    shipped = resources.files("jmltui_http").joinpath("descriptions", "successfactors.yaml").read_text()
    assert "origin: https://{parameters.host}\n" in shipped
    file = folder / "successfactors.yaml"
    file.write_text(shipped.replace("origin: https://{parameters.host}", f"origin: {server.url}"))
    options = {
        "description": str(file),
        "base": f"{server.url}/odata/v2",
        "parameters": {**PARAMETERS, **parameters},
        "secrets": {"key": "file:key.pem"},
        "private_network": True,
    }
    return HttpAdapter(Setup("hr", options, lambda _: key, clock))


async def names(source: HttpAdapter) -> list[str]:
    await source.open()
    try:
        return [one.name async for one in source.people() if isinstance(one, Person)]
    finally:
        await source.close()


@pytest.mark.parametrize("with_certificate", [False, True])
async def test_a_signed_assertion_becomes_a_token(clock: StandingClock, tmp_path: Path, with_certificate: bool) -> None:
    key, certificate = pair("jmltui")
    factors = SuccessFactors(clock, certificate)
    async with playing(factors.server) as server:
        source = adapter(server, clock, tmp_path, key + certificate if with_certificate else key)
        assert await names(source) == ["Mina Li"]
    [signed] = factors.seen
    assert [etree.QName(child).localname for child in signed] == [
        "Issuer", "Subject", "Conditions", "AuthnStatement", "AttributeStatement",
    ]  # fmt: skip
    assert text(signed, "saml:Issuer") == "www.successfactors.com"
    attribute = signed.find("saml:AttributeStatement/saml:Attribute", SAML)
    assert attribute is not None
    assert (attribute.get("Name"), text(attribute, "saml:AttributeValue")) == ("api_key", "AP1<&>")
    conditions = signed.find("saml:Conditions", SAML)
    assert conditions is not None
    assert instant(conditions, "NotOnOrAfter") - clock() == timedelta(minutes=10)
    confirmation = signed.find("saml:Subject/saml:SubjectConfirmation", SAML)
    assert confirmation is not None
    assert confirmation.get("Method") == "urn:oasis:names:tc:SAML:2.0:cm:bearer"
    raw = base64.b64decode(factors.server.asked[0].form()["assertion"])
    sent = [etree.QName(child).localname for child in etree.fromstring(raw)]
    assert sent[:3] == ["Issuer", "Signature", "Subject"], "the order of the schema"
    assert (b"X509Certificate" in raw) is with_certificate
    assert b"xml-exc-c14n#" in raw


async def test_each_token_has_an_assertion_of_its_own(clock: StandingClock, tmp_path: Path) -> None:
    key, certificate = pair("jmltui")
    factors = SuccessFactors(clock, certificate)
    async with playing(factors.server) as server:
        source = adapter(server, clock, tmp_path, key)
        await source.open()
        for forward in (timedelta(0), timedelta(minutes=30), timedelta(hours=1)):
            clock.forward(forward)
            assert len([one async for one in source.people()]) == 1
        factors.tokens.clear()  # ended there
        assert len([one async for one in source.people()]) == 1
        await source.close()
    assert len({one.get("ID") for one in factors.seen}) == 3


async def test_another_key_is_refused(clock: StandingClock, tmp_path: Path) -> None:
    factors = SuccessFactors(clock, pair("registered")[1])
    async with playing(factors.server) as server:
        source = adapter(server, clock, tmp_path, pair("jmltui")[0])
        with pytest.raises(AuthFailed, match="Unable to verify the signature of the SAML assertion") as failed:
            await names(source)
    assert "clock" not in failed.value.message
    assert "PRIVATE KEY" not in repr(failed.value)
    assert not factors.seen


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [({"api_user": "jml@example.test"}, "invalid user"), ({"company_id": "acmeT1"}, "unknown client")],
)
async def test_what_is_refused_is_told(
    clock: StandingClock, tmp_path: Path, parameters: dict[str, str], sentence: str
) -> None:
    key, certificate = pair("jmltui")
    factors = SuccessFactors(clock, certificate)
    async with playing(factors.server) as server:
        with pytest.raises(AuthFailed, match=sentence):
            await names(adapter(server, clock, tmp_path, key, **parameters))


@pytest.mark.parametrize(
    ("ahead", "sentence"),
    [(4, ""), (-4, ""), (17, "clock there is 17 minutes ahead of ours"), (-17, "clock there is 17 minutes behind")],
)
async def test_a_wrong_clock_is_named(clock: StandingClock, tmp_path: Path, ahead: int, sentence: str) -> None:
    key, certificate = pair("jmltui")
    factors = SuccessFactors(clock, certificate, timedelta(minutes=ahead))
    async with playing(factors.server) as server:
        source = adapter(server, clock, tmp_path, key)
        if not sentence:
            assert await names(source) == ["Mina Li"]
            return
        with pytest.raises(AuthFailed, match=sentence) as failed:
            await names(source)
    assert "not valid at this time" in failed.value.message


def keys() -> Iterator[tuple[str, str]]:
    """Texts that are no key to sign with, and what is said of them."""
    key, certificate = pair("jmltui")
    yield "hunter2", "is no private key in PEM form"
    yield certificate, "is no private key in PEM form"
    yield pem(ec.generate_private_key(ec.SECP256R1())), "is no RSA key"
    yield pair("small", 1024)[0], "has 1024 bits, fewer than 2048"
    locked = serialization.load_pem_private_key(key.encode(), None)
    yield pem(locked, b"hunter2"), "is locked by a passphrase"
    yield key + pair("other")[1], "and the certificate beside it do not belong together"


async def test_a_key_that_cannot_sign_is_told_before_anything_is_asked(clock: StandingClock, tmp_path: Path) -> None:
    factors = SuccessFactors(clock, pair("jmltui")[1])
    async with playing(factors.server) as server:
        for key, sentence in keys():
            with pytest.raises(Invalid, match=sentence) as refusal:
                await adapter(server, clock, tmp_path, key).open()
            assert "hunter2" not in refusal.value.message
        assert not server.asked


async def test_what_cannot_stand_in_xml_is_told(clock: StandingClock, tmp_path: Path) -> None:
    factors = SuccessFactors(clock, pair("jmltui")[1])
    async with playing(factors.server) as server:
        with pytest.raises(Invalid, match="cannot be written as an assertion"):
            await names(adapter(server, clock, tmp_path, pair("jmltui")[0], api_user="a\x01b"))


def test_the_way_says_what_is_needed(clock: StandingClock) -> None:
    def problems(parameters: dict[str, str], *secrets: str) -> str:
        given = {name: f"env:{name}" for name in secrets}
        options = {"description": "successfactors", "parameters": {"host": "h", **parameters}, "secrets": given}
        try:
            HttpAdapter(Setup("hr", options, str, clock))
        except SettingsError as error:
            return "\n".join(one.message for one in error.problems)
        return ""

    assert problems({}, "user", "password") == ""
    assert "“secrets.password” is missing" in problems({}, "user")
    assert problems({name: value for name, value in PARAMETERS.items() if name != "host"}, "key") == ""
    told = problems({"sign_in": "saml", "client_id": "x"}, "user")
    assert "“secrets.key” is missing" in told
    assert "“parameters.company_id” is missing, which sign_in = “saml” needs." in told
    assert "“parameters.sign_in” must be basic or saml, not “oauth”." in problems({"sign_in": "oauth"}, "key")


def test_the_library_is_imported_only_to_sign() -> None:
    program = (
        "import sys\nfrom jmltui_http.description import load\nload('successfactors')\nimport jmltui_http.connecting\n"
        "assert not {'signxml', 'lxml', 'cryptography'} & set(sys.modules)\n"
        "sys.modules['signxml'] = None\nfrom jmltui_http.saml import private_key\n"
        "from jmltui.adapter_api import Invalid\n"
        "try: private_key('x', 'hr')\nexcept Invalid as error: print(error.message)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "hr needs its extra: pip install 'jmltui[saml]'."
    assert load("successfactors").auth.ways.keys() == {"basic", "saml"}
