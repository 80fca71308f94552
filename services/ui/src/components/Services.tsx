/** How every service is. Quiet when all is well; what is wrong is said where it is. */
import { useCell } from "../data/cell";
import type { HealthRead } from "../data/health";

export function Services({ health }: { health: HealthRead }) {
  const view = useCell(health.view);
  if (view === null) return null;
  if (view === "away")
    return (
      <section className="services" aria-label="Services">
        <h2>Services</h2>
        <p className="bad">The gateway does not say how the services are.</p>
      </section>
    );
  const bad = view.filter((service) => !service.ready);
  return (
    <section className="services" aria-label="Services">
      <h2>
        Services <b>{bad.length === 0 ? "all ready" : `${bad.length} not ready`}</b>
      </h2>
      <ul>
        {view.map((service) => (
          <li key={service.name} data-service={service.name} data-ready={service.ready}>
            <span className="alive" data-gone={!service.ready || undefined} />
            {service.name}
            {!service.ready && <span className="sr">, not ready</span>}
            {service.reasons.map((reason) => (
              <small key={reason}>{reason}</small>
            ))}
          </li>
        ))}
      </ul>
    </section>
  );
}
