// Pure: the personal fields, by their names in a message.

export const FIELDS = ["ip", "device_id"] as const;
export type Field = (typeof FIELDS)[number];
