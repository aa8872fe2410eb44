# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench route: our router beside the peers, its losses while routes flap, its memory."""

from bench_memory import run_memory
from bench_process import TrialError
from bench_router import FlapCase, RouteCase
from bench_stats import median
from bench_table import say
from bench_trial import DIRECTIONS, Run

ROUTES = {4: "10,1000,100000,1000000", 6: "200000"}
ROUTES_MAX = 1200000  # that the loader knows


def add_arguments(parser):
    parser.add_argument("--routes", metavar="N,…", help="even numbers (IPv4: "
                        f"{ROUTES[4]}, IPv6: {ROUTES[6]})")
    parser.add_argument("--family", default="4", help="4, 6 or 4,6")
    parser.add_argument("--ecmp", type=int, default=1, metavar="N",
                        help="next hops of each route, between which flows are shared")
    parser.add_argument("--flap", type=int, metavar="N",
                        help="instead: losses while N routes, beside those with traffic, flap")
    parser.add_argument("--load", type=float, default=50, metavar="PERCENT",
                        help="of the rate at saturation, with --flap")
    parser.add_argument("--memory", action="store_true",
                        help="instead: resident memory of a route and of a router")


def cases_of(args):
    cases = []
    for family in (int(f) for f in args.family.split(",")):
        if family not in ROUTES:
            raise TrialError(f"--family {family}: there are 4 and 6")
        for routes in (int(r) for r in (args.routes or ROUTES[family]).split(",")):
            if not 2 <= routes <= ROUTES_MAX - (args.flap or 0) or routes % 2:
                raise TrialError(f"--routes {routes}: an even number, 2 to {ROUTES_MAX}, flapping ones "
                                 "included")
            cases.append(RouteCase(family, routes, args.ecmp))
    return cases


def path_shares(trials):
    """Of each next hop among the frames that were checked, by direction."""
    for direction in DIRECTIONS:
        counts = [sum(column) for column in zip(*(t["generator"][direction]["paths"] for t in trials))]
        shares = " ".join(f"{count / max(sum(counts), 1):.1%}" for count in counts)
        yield f"{direction.replace('_', ' ')}: {shares}"


def print_routes(result):
    """What only our router has."""
    trials = [t for t in result["trials"] if t["own"].get("load")]
    if not trials:
        return
    rate = median([t["own"]["load"]["routes_per_sec"] for t in trials])
    seconds = median([t["own"]["load"]["seconds"] for t in trials])
    say(f"  loaded in {seconds:.3f} s, {rate:,.0f} routes a second; "
        f"{sum(t['wrong'] for t in trials):,} wrong of {sum(t['checked'] for t in trials):,} frames checked")
    if result["case"]["paths"] > 1:
        say("  next hops: " + "; ".join(path_shares(trials)))


def run_flap(run, cases):
    """For each case the rate at saturation, then rounds at a share of it, without and with flaps."""
    args, results = run.args, []
    run.n_all += len(cases) * (1 + 2 * args.rounds)
    for case in cases:
        full = run.one_trial("culvert", case, "saturation")
        if full["void"]:
            raise TrialError(f"no rate at saturation: {full['void']}")
        pps = int(full["mpps"] * 1e6 * args.load / 100 / len(DIRECTIONS))
        for n_flapping in (0, args.flap):
            # Far less than a ring holds: none overflows while the flapping has the generator's core.
            flap_case = FlapCase(case, n_flapping, pps, args.queue_size // 4)
            results.append({"case": flap_case.as_dict(), "name": str(flap_case),
                            "trials": run.trials_of(flap_case, ["culvert"])})
    for result in results:
        print_flap(result)
    run.report["flap"] = results


def print_flap(result):
    trials = [t for t in result["trials"] if not t["void"]]
    say(f"\n{result['name']}")
    say(f"  {len(trials)} rounds, {sum(t['tx'] for t in trials):,} frames sent, "
        f"{sum(t['lost'] for t in trials):,} lost, {sum(t['wrong'] for t in trials):,} wrong")
    flaps = [t["own"]["flap"] for t in trials if "flap" in t["own"]]
    if flaps:
        say(f"  {sum(f['flaps'] for f in flaps)} flaps, "
            f"{median([f['changes_per_sec'] for f in flaps]):,.0f} changes a second")
    drops = {reason for t in trials if t["lost"] for reason in t["own"]["drops"]}
    if drops:
        say(f"  drops while frames were lost: {', '.join(sorted(drops))}")


def run_route(args, folder):
    cases = cases_of(args)
    run = Run(args, folder)
    if args.flap:
        run_flap(run, cases)
    elif args.memory:
        run_memory(run, args.routes and cases)
    else:
        run.measure_all(cases, print_routes)
    run.save()
