"""The network as it is drawn."""

from dfa_lab.widgets.network.network_message import network_message
from dfa_lab.widgets.network.network_part import NetworkPart
from dfa_lab.widgets.network.summary import NOTHING_SENT
