"""Checks what the Python library meets beyond the sample: identities in paths, pages in both directions, and errors."""

import os
import sys
from urllib.parse import quote

from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

service = Client(os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"]).conversations.v1.services(sys.argv[1])
identities = ["python", "Updates", "of/two parts", "100%25", "Jürgen", "語" * 100]


def rejected(call):
    try:
        call()
    except TwilioRestException as error:
        return error.code, error.status
    raise AssertionError("the request was not rejected")


def sids(page):
    return [user.sid for user in page]


for identity in identities:
    created = service.users.create(identity=identity)
    assert service.users(quote(identity, safe="")).fetch().sid == created.sid, identity
first = service.users.page(page_size=2)
expected = sids(first)
second = service.users.get_page(first.next_page_url)
back = second.previous_page()
assert sids(back) == expected, expected
assert service.bindings.list(binding_type=["twilsock"]) == []
assert rejected(lambda: service.users.create(identity="x" * 257)) == (50207, 400)
assert rejected(lambda: service.users("nobody").fetch()) == (20404, 404)
for identity in identities:
    assert service.users(quote(identity, safe="")).delete(), identity
