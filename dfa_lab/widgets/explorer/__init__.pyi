from .explorer import Explorer as Explorer
from .parts import Controls as Controls
from .parts import LiveChart as LiveChart
from .parts import LivePicture as LivePicture
from .parts import NetworkView as NetworkView
from .parts import Transport as Transport
