// The names that `umqtt/sim` publishes beside `scenario` and `simulate`, the same on every platform.
// Names alone: what is missing here is missing on purpose.

export { LEGEND } from './trace.ts'
export type {
  Blow,
  ClockFaults,
  DiskFaults,
  Episode,
  Faults,
  LinkFaults,
  Odds,
  ProcessFaults,
  ServerFaults,
} from './faults.ts'
export { ScenarioError } from './scenario/error.ts'
export type {
  ArmedFaults,
  ReceivedByServer,
  ScenarioApp,
  ScenarioClientClass,
  ScenarioDevice,
  ScenarioDeviceOptions,
  ScenarioDisk,
  ScenarioFailure,
  ScenarioLink,
  ScenarioMessage,
  ScenarioOptions,
  ScenarioProcess,
  ScenarioResult,
  ScenarioServer,
  ScenarioServerOptions,
  ScenarioWorld,
  ServerLimitsGiven,
  SimulatedClientClass,
  UntilOptions,
} from './scenario/types.ts'
export type { ScenarioBody } from './scenario.ts'
export type { RunResult } from './simulation.ts'
export type { Violation } from './world.ts'
