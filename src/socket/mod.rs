//! Python's three socket modes on a real socket.
