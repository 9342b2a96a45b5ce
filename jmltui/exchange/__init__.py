"""HTTP for adapters: bounded exchanges with one origin, typed errors, authorization."""

from .answer import Answer
from .authorization import ApiKey, Authorization, Basic, Bearer, ClientCredentials, Renewed, TokenExchange, token_of
from .http import MAX_BODY, HttpExchange, Observed, instant
from .judgement import Judge, retry_after, sentence, standard_judgement
from .reach import Reach, public_only, within_reach

__all__ = [
    "MAX_BODY",
    "Answer",
    "ApiKey",
    "Authorization",
    "Basic",
    "Bearer",
    "ClientCredentials",
    "HttpExchange",
    "Judge",
    "Observed",
    "Reach",
    "Renewed",
    "TokenExchange",
    "instant",
    "public_only",
    "retry_after",
    "sentence",
    "standard_judgement",
    "token_of",
    "within_reach",
]
