"""OAuth 2.0 with a SAML assertion of our own (RFC 7522), signed with a private key that stays here.

The assertion is as RFC 7522 section 3 and SAP ask for it (SAP SuccessFactors API reference, “Generating a SAML
Assertion”, SAP notes 3462403 and 2668018): bearer, one audience, the token address as recipient, good for minutes.
The signature is enveloped, RSA with SHA-256 over exclusive canonical XML (XML Signature 1.1, section 6).
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from jmltui.adapter_api import AuthFailed, Invalid
from jmltui.exchange import HttpExchange, Renewed, token_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

GRANT: Final = "urn:ietf:params:oauth:grant-type:saml2-bearer"
EARLIER: Final = timedelta(minutes=5)
"""An assertion is good so long before it is made, for a server whose clock is behind ours."""
NOTABLE: Final = timedelta(minutes=1)
BITS: Final = 2048
_SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
_SIGNATURE: Final = "http://www.w3.org/2000/09/xmldsig#"
_BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
_PASSWORD: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"  # a name
_CANONICAL: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    """What an assertion says: who says it (`issuer`) of whom (`subject`), for whom (`audience`), and where it is handed
    in (`recipient`). `authn`: it says that the subject was authenticated, too."""

    issuer: str
    subject: str
    audience: str
    recipient: str
    attributes: Mapping[str, str]
    lasts: timedelta
    authn: bool = False


class SamlBearer(Renewed):
    """A token for a fresh assertion each time. `key` is a private key in PEM, with or without its certificate.

    `extra` are further form fields. `url_safe`: base64 as RFC 7522 section 2.1 says; some servers want plain base64.
    Raises Invalid for a key that is none, and where the library is missing.
    """

    def __init__(
        self,
        exchange: HttpExchange,
        path: str,
        key: str,
        statement: Statement,
        *,
        extra: Mapping[str, str],
        url_safe: bool = True,
    ) -> None:
        super().__init__()
        self._exchange, self._path, self._statement = exchange, path, statement
        self._extra, self._url_safe = dict(extra), url_safe
        self._key, self._certificate = private_key(key, exchange.system)

    async def _fetch(self, now: datetime) -> tuple[str, timedelta]:
        signed = assertion(self._statement, self._key, self._certificate, now, self._exchange.system)
        encode = base64.urlsafe_b64encode if self._url_safe else base64.b64encode
        form = {"grant_type": GRANT, "assertion": encode(signed).decode(), **self._extra}
        try:
            return await token_of(self._exchange, self._path, form=form)
        except AuthFailed as error:
            raise self._refused(error) from error

    def _refused(self, error: AuthFailed) -> AuthFailed:
        """The refusal, and what our clock has to do with it."""
        offset = self._exchange.clock_offset or timedelta(0)
        if abs(offset) < NOTABLE:
            return error
        minutes = round(abs(offset).total_seconds() / 60)
        told = (
            f"{error.message} The clock there is {minutes} minutes {'ahead of' if offset > timedelta(0) else 'behind'} "
            "ours, and an assertion is good for a few minutes only: set the clock of this machine."
        )
        return AuthFailed(told, system=error.system, operation=error.operation, code=error.code)


def private_key(text: str, system: str) -> tuple[RSAPrivateKey, str]:
    """The RSA key of a PEM text, and its certificate where it has one. Raises Invalid; no part of the text is told."""
    try:
        import signxml  # noqa: F401  # the signature is its work
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509 import load_pem_x509_certificate
    except ImportError:
        raise Invalid(f"{system} needs its extra: pip install 'jmltui[saml]'.", system=system) from None

    def wrong(told: str) -> Invalid:
        return Invalid(f"The key of {system} {told}.", system=system)

    found = _CERTIFICATE.search(text)
    certificate, of_certificate = found[0] if found is not None else "", None
    try:
        key = load_pem_private_key(_CERTIFICATE.sub("", text).strip().encode(), None)
        if certificate:
            of_certificate = load_pem_x509_certificate(certificate.encode()).public_key()
    except TypeError:
        raise wrong("is locked by a passphrase; give it without one: openssl pkey -in FILE -out NEW") from None
    except ValueError:
        raise wrong("is no private key in PEM form, which begins with -----BEGIN PRIVATE KEY-----") from None
    if not isinstance(key, RSAPrivateKey):
        raise wrong("is no RSA key")
    if key.key_size < BITS:
        raise wrong(f"has {key.key_size} bits, fewer than {BITS}")
    if of_certificate is not None and of_certificate != key.public_key():
        raise wrong("and the certificate beside it do not belong together")
    return key, certificate


def assertion(statement: Statement, key: RSAPrivateKey, certificate: str, now: datetime, system: str) -> bytes:
    """A signed assertion, as XML. Raises Invalid for a text that cannot stand in XML."""
    from lxml import etree
    from signxml.exceptions import SignXMLException
    from signxml.signer import XMLSigner

    number = "_" + secrets.token_hex(16)
    try:
        root = _unsigned(statement, number, now)
        signer = XMLSigner(c14n_algorithm=_CANONICAL)
        signed = signer.sign(root, key=key, cert=certificate or None, reference_uri=number, id_attribute="ID")
    except (ValueError, SignXMLException):
        raise Invalid(f"What {system} is told of us cannot be written as an assertion.", system=system) from None
    return bytes(etree.tostring(signed))


def _unsigned(statement: Statement, number: str, now: datetime) -> Any:
    """The assertion with the place where its signature comes (SAML 2.0 core, section 2.3.3)."""
    from lxml import etree

    def under(parent: Any, name: str, text: str | None = None, **attributes: str) -> Any:
        found = etree.SubElement(parent, f"{{{_SAML}}}{name}", attributes)
        found.text = text
        return found

    until = _written(now + statement.lasts)
    root = etree.Element(
        f"{{{_SAML}}}Assertion", {"ID": number, "IssueInstant": _written(now), "Version": "2.0"}, {"saml2": _SAML}
    )
    under(root, "Issuer", statement.issuer)
    etree.SubElement(root, f"{{{_SIGNATURE}}}Signature", {"Id": "placeholder"}, {"ds": _SIGNATURE})
    subject = under(root, "Subject")
    under(subject, "NameID", statement.subject, Format=_UNSPECIFIED)
    confirmation = under(subject, "SubjectConfirmation", Method=_BEARER)
    under(confirmation, "SubjectConfirmationData", NotOnOrAfter=until, Recipient=statement.recipient)
    conditions = under(root, "Conditions", NotBefore=_written(now - EARLIER), NotOnOrAfter=until)
    under(under(conditions, "AudienceRestriction"), "Audience", statement.audience)
    if statement.authn:
        told = under(root, "AuthnStatement", AuthnInstant=_written(now))
        under(under(told, "AuthnContext"), "AuthnContextClassRef", _PASSWORD)
    if statement.attributes:
        listed = under(root, "AttributeStatement")
        for name, value in statement.attributes.items():
            under(under(listed, "Attribute", Name=name), "AttributeValue", value)
    return root


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
