/** The mark of Towpath: one who walks, a boat, and the rope between them. Taut when all is well, parted when the connection is lost. */
export function Mark({ taut = true, width = 30 }: { taut?: boolean; width?: number }) {
  return (
    <svg className="mark" width={width} height={width / 2.5} viewBox="0 0 30 12" aria-hidden="true">
      {taut ? (
        <path
          d="M4 3.200C10 7.600 18 8.800 25 8.800"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.300"
          strokeLinecap="round"
        />
      ) : (
        <path
          d="M4 3.200C6 5.800 7.500 7 9.500 9.500M19 10c2 .6 4-.2 6-1.200"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.300"
          strokeLinecap="round"
        />
      )}
      <circle cx="4" cy="3" r="2.200" fill="currentColor" />
      <path d="M22 7.400h7l-1.400 3.200h-4.200z" fill="currentColor" />
    </svg>
  );
}
