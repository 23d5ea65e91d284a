"""Background traffic around the player: the same number of vehicles and people wherever he goes.

Vehicles follow lanes by IDM, keep the rules at crossings, reserve the connector that they drive
through (`crossings`), and brake for the player and for people on their path. Who falls far behind
or leaves the map begins anew out of sight. About 0.13 ms a tick for 20 vehicles and 10 people.
"""

from collections.abc import Sequence

import numpy as np

from world import trig
from world.actors import Actor
from world.streets.network import Command, Control, Lane, StreetNetwork
from world.streets.shape import LaneShape
from world.traffic.crossings import Reservations
from world.traffic.fleet import Circle, Fleet
from world.traffic.lights import Lights, LightState
from world.traffic.people import Mover, People
from world.traffic.rules import traffic_rules
from world.traffic.vehicles import Vehicle, distance_gone, idm, place_ahead, wanted_speed
from world.traffic.views import EgoView

_LOOK_M = 60.0
_LINE_M = 0.7
_STOOD_TICKS = 15
_EGO_TURN_TICKS = 600
_STEP_M = 1.5
_OBSTACLE_WITHIN_M = 24.0

Obstacle = tuple[float, float, float, float, float]
"""X, Y, radius, and velocity X, Y."""


class Traffic:
    """All background traffic of one run."""

    def __init__(
        self,
        network: StreetNetwork,
        *,
        seed: int,
        vehicles: int,
        pedestrians: int,
        near: tuple[float, float],
        keep_clear: Sequence[Circle] = (),
        first_actor_id: int = 100,
    ) -> None:
        """Fill the streets around a place.

        Args:
            network: The streets.
            seed: Chooses everything.
            vehicles: How many.
            pedestrians: How many.
            near: The player's start.
            keep_clear: Circles (x, y, radius) that are free of vehicles at the start.
            first_actor_id: Vehicles get ids from here on, then people.
        """
        self.rules = traffic_rules()
        self.lights = Lights(network, self.rules.lights)
        self._lanes, self._crossings = network.lanes, network.crossings
        self._shapes = [LaneShape.of(lane) for lane in network.lanes]
        self._lengths = [lane.length_m for lane in network.lanes]
        self._phase = {
            line.lane_id: line.phase for crossing in network.crossings for line in crossing.stop_lines
        }
        self._rng = np.random.default_rng([seed, 21])
        self._reserved = Reservations(network)
        self._ego_ways: tuple[int, ...] = ()
        self._ego_lane, self._ego_stood_ticks = -1, 0
        self._queues: dict[int, list[int]] = {}
        self._tick = 0
        self._by_lane: dict[int, list[Vehicle]] = {}
        self._vehicles: list[Vehicle] = []
        self._fleet = Fleet(network.lanes, self._shapes, self.rules, self._rng)
        for number in range(vehicles):
            self._vehicles.append(self._fleet.new_vehicle(first_actor_id + number))
            self._put(self._vehicles[-1], near, (20.0, self.rules.near_m[1]), keep_clear)
        self._people = People(network, self.rules, self._rng)
        for number in range(pedestrians):
            self._people.add(first_actor_id + vehicles + number, *near, (0.0, self.rules.near_walker_m[1]))
        self.actors: list[Actor] = [
            *(vehicle.actor for vehicle in self._vehicles),
            *(walker.actor for walker in self._people.walkers),
        ]
        self._of_actor = {vehicle.actor.actor_id: vehicle for vehicle in self._vehicles}

    def vehicle_speeds(self) -> list[float]:
        """Speed of every background vehicle."""
        return [vehicle.speed_mps for vehicle in self._vehicles]

    def is_taken(self, crossing: int) -> bool:
        """Whether a vehicle has reserved a way through a crossing, or is on it."""
        return bool(self._reserved.holders(crossing))

    def path_ahead(self, actor: Actor, times_s: Sequence[float]) -> list[tuple[float, float, float]]:
        """Where an actor will be, X, Y and yaw, if it goes on as now."""
        vehicle = self._of_actor.get(actor.actor_id)
        if vehicle is None:
            sin, cos = trig.sin_cos(actor.yaw_rad)
            vx, vy = actor.speed_mps * cos, actor.speed_mps * sin
            return [(actor.x_m + vx * t, actor.y_m + vy * t, actor.yaw_rad) for t in times_s]
        return [
            place_ahead(
                self._shapes, self._lengths, vehicle.lanes, vehicle.along_m + distance_gone(vehicle, t)
            )
            for t in times_s
        ]

    def step(self, dt_s: float, ego: EgoView) -> None:
        """Move everything by one tick."""
        self.lights.t_s += dt_s
        self._tick += 1
        if not self.actors:
            return
        self._index(ego)
        obstacles = self._obstacles(ego)
        for number, vehicle in enumerate(self._vehicles):
            # Decisions ten times a second, taken in turns; motion at every tick.
            if (number + self._tick) & 1 == 0:
                self._decide(vehicle, ego, obstacles)
        for vehicle in self._vehicles:
            self._move(vehicle, dt_s)
        self._renew(ego)
        movers: list[Mover] = [(v.actor.x_m, v.actor.y_m, v.speed_mps) for v in self._vehicles]
        movers.append((ego.x_m, ego.y_m, abs(ego.speed_mps)))
        self._people.step(dt_s, (ego.x_m, ego.y_m), movers, self.lights)

    # What is where

    def _index(self, ego: EgoView) -> None:
        by_lane: dict[int, list[Vehicle]] = {}
        for vehicle in self._vehicles:
            by_lane.setdefault(vehicle.lanes[0], []).append(vehicle)
        self._by_lane = by_lane
        self._ego_along_m = self._shapes[ego.lane_id].project(ego.x_m, ego.y_m)[0]
        if ego.lane_id != self._ego_lane:
            self._ego_lane, self._ego_stood_ticks = ego.lane_id, 0
        self._ego_ways = self._ways_of(ego)

    def _ways_of(self, ego: EgoView) -> tuple[int, ...]:
        """Connectors that the player may be about to use; nobody else enters across them."""
        lane = self._lanes[ego.lane_id]
        if lane.is_connector:
            return self._lanes[lane.predecessors[0]].successors
        left_m = lane.length_m - self._ego_along_m
        if lane.to_crossing < 0 or left_m > max(8.0, 2.2 * ego.speed_mps):
            return ()
        if self._crossings[lane.to_crossing].control is Control.ALL_WAY_STOP:
            # Whoever stands at the line has his turn, but not for ever.
            self._ego_stood_ticks += 1
            return lane.successors if left_m < 4.0 and self._ego_stood_ticks < _EGO_TURN_TICKS else ()
        state = self.lights.state(lane.to_crossing, self._phase[lane.lane_id])
        return lane.successors if state is not LightState.RED and ego.speed_mps >= 0.5 else ()

    def _obstacles(self, ego: EgoView) -> list[Obstacle]:
        sin, cos = trig.sin_cos(ego.yaw_rad)
        vx, vy = ego.speed_mps * cos, ego.speed_mps * sin
        third = ego.length_m / 3.0
        found: list[Obstacle] = [
            (ego.x_m + k * third * cos, ego.y_m + k * third * sin, 0.55 * ego.width_m, vx, vy)
            for k in (-1.0, 0.0, 1.0)
        ]
        for walker in self._people.walkers:
            actor = walker.actor
            sin, cos = trig.sin_cos(actor.yaw_rad)
            speed = actor.speed_mps
            found.append((actor.x_m, actor.y_m, 0.5, speed * cos, speed * sin))
        return found

    # Deciding

    def _decide(self, vehicle: Vehicle, ego: EgoView, obstacles: Sequence[Obstacle]) -> None:
        traits = self.rules.driver
        speed = vehicle.speed_mps
        wanted = wanted_speed(self._lanes, vehicle, traits)
        gap_m, leader_mps = self._leader(vehicle, ego)
        push = idm(traits, speed, wanted, gap_m, leader_mps)
        stop_m = self._stop_in(vehicle)
        if stop_m is not None:
            push = min(push, idm(traits, speed, wanted, stop_m + 0.7 * traits.gap_m, 0.0))
        blocked_m = self._blocked_in(vehicle, obstacles)
        if blocked_m is not None:
            push = min(push, idm(traits, speed, wanted, blocked_m, 0.0))
        vehicle.push_mps2 = push

    def _leader(self, vehicle: Vehicle, ego: EgoView) -> tuple[float | None, float]:
        """Gap to the next one ahead on the vehicle's lanes, and its speed."""
        ahead_m = -vehicle.along_m
        for number, lane_id in enumerate(vehicle.lanes):
            best: tuple[float, float] | None = None
            for other in self._by_lane.get(lane_id, ()):
                at_m = ahead_m + other.along_m
                if other is not vehicle and at_m > 0.0 and (best is None or at_m < best[0]):
                    best = (at_m, other.speed_mps)
                    gap = at_m - other.half_m - vehicle.half_m
            if ego.lane_id == lane_id:
                at_m = ahead_m + self._ego_along_m
                if at_m > 0.0 and (best is None or at_m < best[0]):
                    best = (at_m, max(0.0, ego.speed_mps))
                    gap = at_m - 0.5 * ego.length_m - vehicle.half_m
            if best is not None:
                return gap, best[1]
            if number == 0 and len(vehicle.lanes) > 1:
                sibling = self._tail_of_sibling(vehicle, ahead_m + self._lengths[lane_id])
                if sibling is not None:
                    return sibling
            ahead_m += self._lengths[lane_id]
            if ahead_m > _LOOK_M:
                break
        return None, 0.0

    def _tail_of_sibling(self, vehicle: Vehicle, ahead_m: float) -> tuple[float, float] | None:
        """Somebody who turns off the same lane another way, while his tail is still in the way."""
        if self._lanes[vehicle.lanes[0]].is_connector:
            return None
        for connector in self._lanes[vehicle.lanes[0]].successors:
            for other in self._by_lane.get(connector, ()):
                if connector != vehicle.lanes[1] and other.along_m < other.half_m + 5.0:
                    return ahead_m + other.along_m - other.half_m - vehicle.half_m, other.speed_mps
        return None

    def _stop_in(self, vehicle: Vehicle) -> float | None:
        """Distance in which the vehicle must stand at its stop line, or None where it may go on."""
        lane = self._lanes[vehicle.lanes[0]]
        if lane.is_connector or lane.to_crossing < 0 or len(vehicle.lanes) < 2:
            return None
        room_m = lane.length_m - vehicle.along_m - vehicle.half_m - _LINE_M
        speed = vehicle.speed_mps
        if room_m > speed * speed / (2.0 * self.rules.driver.braking_mps2) + 12.0:
            return None
        crossing = self._crossings[lane.to_crossing]
        held = crossing.crossing_id in vehicle.holding
        if crossing.control is Control.ALL_WAY_STOP:
            goes = held or self._may_leave_stop(vehicle, crossing.crossing_id, room_m)
            return None if goes else room_m
        if crossing.control is Control.LIGHTS and self._light_stops(vehicle, lane, room_m):
            self._give_back(vehicle, crossing.crossing_id)
            return room_m
        return None if held or self._reserve(vehicle, crossing.crossing_id) else room_m

    def _light_stops(self, vehicle: Vehicle, lane: Lane, room_m: float) -> bool:
        """Red stops, and yellow stops who still can; who is over the line with a way reserved goes on."""
        state = self.lights.state(lane.to_crossing, self._phase[lane.lane_id])
        if state is LightState.GREEN:
            return False
        speed = vehicle.speed_mps
        can_stop = room_m > speed * speed / (2.0 * 1.4 * self.rules.driver.braking_mps2)
        if state is LightState.YELLOW:
            return can_stop
        return can_stop or room_m >= 1.0 or lane.to_crossing not in vehicle.holding

    def _may_leave_stop(self, vehicle: Vehicle, crossing: int, room_m: float) -> bool:
        """All-way stop: stand first, then go in the order of arrival, one at a time."""
        queue = self._queues.setdefault(crossing, [])
        own = vehicle.actor.actor_id
        if room_m < 2.5 and vehicle.speed_mps < 0.08:
            vehicle.stood_ticks += 2  # decided at every other tick
            if own not in queue:
                queue.append(own)
        if vehicle.stood_ticks < _STOOD_TICKS or queue[0] != own:
            return False
        if any(holder != own for holder in self._reserved.holders(crossing)):
            return False
        if not self._reserve(vehicle, crossing):
            return False
        queue.remove(own)
        vehicle.stood_ticks = 0
        return True

    def _reserve(self, vehicle: Vehicle, crossing: int) -> bool:
        connector = vehicle.lanes[1]
        if not self._reserved.may_enter(vehicle.actor.actor_id, connector):
            return False
        if any(self._reserved.conflict(connector, way) for way in self._ego_ways):
            return False
        if not self._has_room(vehicle, vehicle.lanes[2]):
            return False
        self._reserved.reserve(vehicle.actor.actor_id, connector)
        vehicle.holding.append(crossing)
        return True

    def _has_room(self, vehicle: Vehicle, exit_lane: int) -> bool:
        """Behind the crossing there is room for the whole vehicle."""
        need_m = vehicle.actor.length_m + 4.0
        for other in self._by_lane.get(exit_lane, ()):
            if other is not vehicle and other.along_m - other.half_m < need_m and other.speed_mps < 3.0:
                return False
        return True

    def _give_back(self, vehicle: Vehicle, crossing: int) -> None:
        if crossing in vehicle.holding:
            vehicle.holding.remove(crossing)
            self._reserved.release(vehicle.actor.actor_id, crossing)

    def _blocked_in(self, vehicle: Vehicle, obstacles: Sequence[Obstacle]) -> float | None:
        """Free distance before the player or a person on the vehicle's path, or None."""
        x_m, y_m = vehicle.actor.x_m, vehicle.actor.y_m
        near = [
            obstacle
            for obstacle in obstacles
            if abs(obstacle[0] - x_m) < _OBSTACLE_WITHIN_M and abs(obstacle[1] - y_m) < _OBSTACLE_WITHIN_M
        ]
        if not near:
            return None
        speed = vehicle.speed_mps
        reach_m = min(speed * speed / (2.0 * self.rules.driver.braking_mps2) + 6.0, _OBSTACLE_WITHIN_M)
        side_m = 0.5 * vehicle.actor.width_m + 0.4
        for step in range(int(reach_m / _STEP_M) + 1):
            ahead_m = step * _STEP_M
            at = vehicle.along_m + vehicle.half_m + ahead_m
            px, py, _ = place_ahead(self._shapes, self._lengths, vehicle.lanes, at)
            later_s = min(ahead_m / max(speed, 2.0), 1.5)
            for ox, oy, radius, vx, vy in near:
                dx, dy = ox + vx * later_s - px, oy + vy * later_s - py
                ex, ey = ox - px, oy - py
                limit = (side_m + radius) * (side_m + radius)
                if dx * dx + dy * dy < limit or ex * ex + ey * ey < limit:
                    return max(0.0, ahead_m - 0.5)
        return None

    # Moving

    def _move(self, vehicle: Vehicle, dt_s: float) -> None:
        before = vehicle.speed_mps
        speed = max(0.0, before + vehicle.push_mps2 * dt_s)
        vehicle.speed_mps = speed
        moved_m = 0.5 * (before + speed) * dt_s
        vehicle.along_m += moved_m
        vehicle.idle_ticks = 0 if moved_m > 0.0 else vehicle.idle_ticks + 1
        length_m = self._lengths[vehicle.lanes[0]]
        while vehicle.along_m > length_m and len(vehicle.lanes) > 1:
            vehicle.along_m -= length_m
            del vehicle.lanes[0]
            self._fleet.extend(vehicle)
            length_m = self._lengths[vehicle.lanes[0]]
        if vehicle.holding and not self._lanes[vehicle.lanes[0]].is_connector:
            lane = self._lanes[vehicle.lanes[0]]
            if vehicle.along_m - vehicle.half_m > 0.0 and lane.from_crossing in vehicle.holding:
                self._give_back(vehicle, lane.from_crossing)
        self._show(vehicle)

    def _show(self, vehicle: Vehicle) -> None:
        actor = vehicle.actor
        actor.x_m, actor.y_m, actor.yaw_rad = self._shapes[vehicle.lanes[0]].at(vehicle.along_m)
        actor.speed_mps = vehicle.speed_mps
        actor.braking = vehicle.push_mps2 < -0.6 or vehicle.speed_mps < 0.05
        turn = next((self._lanes[k].turn for k in vehicle.lanes[:2] if self._lanes[k].is_connector), None)
        actor.blinker = -1 if turn is Command.LEFT else 1 if turn is Command.RIGHT else 0

    # Beginning anew

    def _renew(self, ego: EgoView) -> None:
        far2 = self.rules.far_m * self.rules.far_m
        for vehicle in self._vehicles:
            dx, dy = vehicle.actor.x_m - ego.x_m, vehicle.actor.y_m - ego.y_m
            left_map = len(vehicle.lanes) == 1 and vehicle.along_m > self._lengths[vehicle.lanes[0]] - 12.0
            if dx * dx + dy * dy > far2 or left_map:
                self._put(vehicle, (ego.x_m, ego.y_m), self.rules.near_m)

    def _put(
        self,
        vehicle: Vehicle,
        near: tuple[float, float],
        ring_m: tuple[float, float],
        clear: Sequence[Circle] = (),
    ) -> None:
        """Put a vehicle somewhere free within a ring; it stays where it is if no place is found."""
        place = self._fleet.find_place(vehicle, self._vehicles, near, ring_m, clear)
        if place is None:
            return
        self._forget(vehicle)
        vehicle.lanes, vehicle.along_m = [place[0]], place[1]
        self._fleet.extend(vehicle)
        vehicle.speed_mps = 0.6 * self._lanes[place[0]].speed_limit_mps * vehicle.limit_share
        self._show(vehicle)

    def _forget(self, vehicle: Vehicle) -> None:
        """Give back everything that the vehicle holds."""
        own = vehicle.actor.actor_id
        for crossing in list(vehicle.holding):
            self._give_back(vehicle, crossing)
        for queue in self._queues.values():
            if own in queue:
                queue.remove(own)
        vehicle.stood_ticks, vehicle.push_mps2 = 0, 0.0
