from .loop_pictures import Monitor as Monitor
