"""The endpoints, by what they are about."""

from multirecall.service.endpoints.events import add_events
from multirecall.service.endpoints.explaining import add_explain
from multirecall.service.endpoints.products import add_products
from multirecall.service.endpoints.searching import add_search
from multirecall.service.endpoints.state import add_state
from multirecall.service.endpoints.suggesting import add_suggest

__all__ = ["add_events", "add_explain", "add_products", "add_search", "add_state", "add_suggest"]
