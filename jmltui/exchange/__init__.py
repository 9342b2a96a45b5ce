"""HTTP for adapters: bounded exchanges with one origin, typed errors, authorization."""

from .answer import Answer
from .authorization import ApiKey, Authorization, Basic, Bearer, ClientCredentials, Renewed, TokenExchange, token_of
from .http import MAX_BODY, HttpExchange, instant
from .judgement import Judge, retry_after, sentence, standard_judgement

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
    "Renewed",
    "TokenExchange",
    "instant",
    "retry_after",
    "sentence",
    "standard_judgement",
    "token_of",
]
