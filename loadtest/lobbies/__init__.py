"""Many lobbies at once: doctors, patients who wait for them, and vendors' servers, all through the public doors.

Clients live in processes of their own and are as cheap as can be (`loadtest.swarm.peer`); how late they are themselves
is measured beside what they measure.
"""
