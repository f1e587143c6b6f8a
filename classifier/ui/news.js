// What a training brought, which a screen reader reads out when it has finished its sentence.
element.setAttribute("role", "status");
